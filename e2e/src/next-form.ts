import { type Answer, type Visitor, send } from './http-client.ts';

/** The name that a form of a page gives to its Server Action. */
function actionOf(html: string, id: string): string {
  const form = html.slice(html.search(new RegExp(`<form[^>]* id="${id}"`)));
  const action = /name="(\$ACTION_ID_[0-9a-f]+)"/.exec(form.slice(0, form.indexOf('</form>')))?.[1];
  if (action === undefined) throw new Error(`There is no form ${id} with a Server Action in: ${html}`);
  return action;
}

async function post(visitor: Visitor, url: string, form: FormData, headers: Record<string, string>): Promise<Answer> {
  const body = new Response(form);
  const answer = await send(url, {
    method: 'POST',
    cookie: visitor.jar.header(),
    headers: { 'Content-Type': body.headers.get('content-type') ?? '', Origin: new URL(url).origin, ...headers },
    body: await body.text(),
  });
  visitor.jar.apply(answer.setCookies);
  return answer;
}

/** Sends a form of a page to its Server Action, as a browser without JavaScript does. `html` is the page. */
export async function submitForm(
  visitor: Visitor,
  url: string,
  html: string,
  id: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const form = new FormData();
  form.append(actionOf(html, id), '');
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return post(visitor, url, form, { Accept: 'text/html' });
}

/** Calls the Server Action of a form without arguments, as React does in a browser. */
export async function callAction(visitor: Visitor, url: string, html: string, id: string): Promise<Answer> {
  const form = new FormData();
  form.append('0', '[]');
  const headers = { Accept: 'text/x-component', 'Next-Action': actionOf(html, id).slice('$ACTION_ID_'.length) };
  return post(visitor, url, form, headers);
}
