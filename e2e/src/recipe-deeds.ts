import type { AppPair } from './checked-apps.ts';
import { type Answer, type Ask, send } from './http-client.ts';

const form = 'application/x-www-form-urlencoded';

export type Deed = 'views' | 'me' | 'login' | 'logout';

/** How one does it in a framework, and where the outcome stands in the answer. */
export type Protocol = (deed: Deed) => { path: string; outcome: RegExp } & Ask;

export const byPath: Protocol = (deed) => ({
  path: deed === 'views' ? '/' : `/${deed}`,
  method: deed === 'login' || deed === 'logout' ? 'POST' : 'GET',
  outcome: /^(?:View )?(\w+)$/,
});

/** The same where the count is on a page. */
export const byPage: Protocol = (deed) =>
  deed === 'views' ? { path: '/', outcome: /View (?:<!-- -->)?(\d+)/ } : byPath(deed);

/** By the actions of a page. Of their answers the JSON that the page's own script would get is the shortest. */
export const bySvelteActions: Protocol = (deed) =>
  deed === 'login' || deed === 'logout'
    ? {
        path: `/?/${deed}`,
        method: 'POST',
        headers: { accept: 'application/json', 'content-type': form, 'x-forwarded-proto': 'http' },
        body: '',
        outcome: /\b(in|out)\b/,
      }
    : byPage(deed);

/** What a visitor of both processes, in turn, is told; and what of a store without rights. */
export interface Told {
  readonly first: readonly (string | undefined)[];
  readonly ofReadFault: readonly unknown[];
  readonly ofWriteFault: readonly unknown[];
  readonly afterIt: readonly (string | undefined)[];
}

export const fault: readonly unknown[] = [503, '1', 'no-store', []];

const faultOf = ({ status, headers, setCookies }: Answer): unknown[] => [
  status,
  headers['retry-after'],
  headers['cache-control'],
  setCookies,
];

/** What it has to be: the count of one visitor, who is logged in until the logout, and a 503 for each fault. */
export const rightly: Told = {
  first: ['nobody', '1', 'in', '1', '2', 'ada'],
  ofReadFault: fault,
  ofWriteFault: fault,
  afterIt: ['ada', '3', 'out', 'nobody'],
};

/** As browsers do it, which say where a form comes from. */
function doIn(url: string, { path, ...how }: ReturnType<Protocol>, cookie?: string): Promise<Answer> {
  return send(`${url}${path}`, { ...how, headers: { ...how.headers, origin: url }, cookie });
}

/** The pages that a visitor who is logged in gets while the store cannot be read. */
export async function visitUnread(
  { running: [{ url }], rights }: AppPair,
  protocol: Protocol,
  paths: readonly string[],
): Promise<Record<string, unknown>> {
  const { setCookies } = await doIn(url, protocol('login'));
  const cookie = setCookies[0]?.split(';')[0];
  await rights('-get');
  const answers = await Promise.all(paths.map((one) => send(`${url}${one}`, { cookie })));
  await rights('+get');
  return Object.fromEntries(answers.map((answer, index) => [paths[index], faultOf(answer)]));
}

/** Visits the recipe of a page. */
export async function visitRecipe({ running, rights }: AppPair, protocol: Protocol): Promise<Told> {
  let cookie: string | undefined;
  let turn = 0;
  const ask = async (deed: Deed): Promise<Answer & { outcome: string | undefined }> => {
    const { outcome } = protocol(deed);
    const answer = await doIn(running[(turn += 1) % 2 === 0 ? 0 : 1].url, protocol(deed), cookie);
    cookie = answer.setCookies[0]?.split(';')[0] ?? cookie;
    return { ...answer, outcome: outcome.exec(answer.text)?.[1] };
  };
  const outcomes = async (...deeds: Deed[]): Promise<(string | undefined)[]> => {
    const all: (string | undefined)[] = [];
    for (const deed of deeds) {
      const { status, text, outcome } = await ask(deed);
      // Some frameworks answer what was posted with a 201.
      all.push(status === 200 || status === 201 ? outcome : `${status} ${text}`);
    }
    return all;
  };
  const without = async (deed: Deed, ...taken: string[]): Promise<unknown[]> => {
    await rights(...taken.map((right) => `-${right}`));
    const answer = await ask(deed);
    await rights(...taken.map((right) => `+${right}`));
    return faultOf(answer);
  };
  return {
    first: await outcomes('me', 'views', 'login', 'views', 'views', 'me'),
    ofReadFault: await without('me', 'get'),
    ofWriteFault: await without('views', 'eval', 'evalsha'),
    afterIt: await outcomes('me', 'views', 'logout', 'me'),
  };
}
