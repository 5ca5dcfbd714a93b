import type { Input } from '@sess/demo-kit';

const largestBody = 100_000;

/** Errors as the body parsers of other frameworks throw them: with a status. */
function refusal(error: Error, status: number): Error {
  return Object.assign(error, { status });
}

/** The body of a request: a form of the page, or JSON. */
export async function inputOf(request: Request): Promise<Input> {
  const text = await request.text();
  const userAgent = request.headers.get('user-agent') ?? undefined;
  if (text.length > largestBody) throw refusal(new Error('too large'), 413);
  if (request.headers.get('content-type')?.startsWith('application/x-www-form-urlencoded') === true)
    return { body: Object.fromEntries(new URLSearchParams(text)), form: true, userAgent };
  try {
    return { body: text === '' ? undefined : JSON.parse(text), form: false, userAgent };
  } catch (error) {
    throw error instanceof SyntaxError ? refusal(error, 400) : error;
  }
}

/** What stands behind `?`, as other frameworks have it: of several, a list. */
export function queryOf(request: Request, name: string): unknown {
  const values = new URL(request.url).searchParams.getAll(name);
  return values.length > 1 ? values : values[0];
}
