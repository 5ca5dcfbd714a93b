import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, Visitor } from './http-client.ts';
import { type NextApp, buildNextApp, startNextApp, writeNextApp } from './next-app.ts';
import { submitForm } from './next-form.ts';

/** Asks the app for a value that it reads inside a cache, see `lib/shared-values.ts` of the fixture. */
type Ask = (who: Visitor, way: string, run: string, url: string) => Promise<Answer>;

const places: Record<string, Ask> = {
  'a page': (who, way, run) => who.get(`/shared/${way}?run=${run}`),
  'a page that has read the session': (who, way, run) => who.get(`/shared/${way}?run=${run}&first`),
  'a plain handler': (who, way, run) => who.get(`/api/shared/plain/${way}?run=${run}`),
  'a handler that has read the session': (who, way, run) => who.get(`/api/shared/after/${way}?run=${run}`),
  'a withSession() inside a handler': (who, way, run) => who.get(`/api/shared/inside/${way}?run=${run}`),
  'a handler made by withSession()': (who, way, run) => who.post(`/api/shared/whole/${way}?run=${run}`),
  async 'a Server Action'(who, way, run, url) {
    const page = await who.get('/shared');
    return submitForm(who, `${url}/shared`, page.text, 'keep', { way, run });
  },
};

/** What the app said in the end: in the page, in the body, or in the address that an action has redirected to. */
function saidIn({ headers, text }: Answer): string {
  const { location } = headers;
  if (location !== undefined) return new URL(location, 'http://localhost').searchParams.get('value') ?? '';
  return /<p id="value">(.*?)<\/p>/s.exec(text)?.[1] ?? text;
}

describe.each([
  { rendering: 'as by default', env: {} },
  { rendering: 'with cacheComponents', env: { FIXTURE: 'components' } },
])('a value of a session, $rendering', ({ env }) => {
  let app: NextApp;
  beforeAll(async () => {
    app = await startNextApp('start', { SECRET_KEY: 'c4ch-Qe6uWi1oAp4sDf7gHj0kLz5xCv8b', ...env });
    const [ada, grace, stranger] = [new Visitor(app.url), new Visitor(app.url), new Visitor(app.url)];
    await ada.post('/api/login?user=ada');
    await grace.post('/api/login?user=grace');
    visitors = [ada, grace, stranger];
  }, 120_000);
  afterAll(() => app.stop());

  /** Two users and a stranger. */
  let visitors: readonly Visitor[];

  /** What they are told, one after the other. */
  async function told(ask: Ask, way: string): Promise<string[]> {
    const run = randomUUID();
    const said: string[] = [];
    for (const who of visitors) said.push(saidIn(await ask(who, way, run, app.url)));
    return said;
  }

  describe.each(Object.entries(places))('in %s', (_place, ask) => {
    test.each(['read', 'with', 'nested', 'twice'])('is not read inside unstable_cache(): %s', async (way) => {
      for (const said of await told(ask, way))
        expect(said).toMatch(/^refused: Error: Route .*`headers\(\)`.* inside `unstable_cache\(\)`/);
    });

    test.each(['useCache', 'useCacheWith', 'useRemoteCache'])("is not read inside 'use cache': %s", async (way) => {
      const [before, said] = [app.output().length, await told(ask, way)];
      for (const one of said) expect(one).not.toMatch(/value:/);
      // In production Next.js hides the sentence from the caller, and logs it.
      await expect
        .poll(() => app.output().slice(before), { timeout: 15_000 })
        .toMatch(/`headers\(\)` can't be read inside `"use cache"`/);
    });

    test("is its visitor's own inside 'use cache: private', which Next.js keeps nowhere but in the browser", async () => {
      expect(await told(ask, 'usePrivateCache')).toEqual(['value: ada', 'value: grace', 'value: nobody']);
    });

    test('is nobody\u2019s in a cached fetch() without a cookie, and its visitor\u2019s own in one with it', async () => {
      expect(await told(ask, 'fetched')).toEqual(['value: nobody', 'value: nobody', 'value: nobody']);
      expect(await told(ask, 'fetchedAsVisitor')).toEqual(['value: ada', 'value: grace', 'value: nobody']);
    });
  });
});

/** How the lines begin, of `staticValues()` in the fixture, that Next.js or we refuse. */
const [byNext, byCache, byUs] = [
  /^refused: Error: Route \S+ with `dynamic = "error"` couldn't be rendered statically because it used `headers\(\)`/,
  /^refused: Error: Route \S+: `headers\(\)` can't be read inside `unstable_cache\(\)`/,
  /^refused: SessError: \w+Session\(\) was called on a route that is forced to be static/,
];
const asked = ['plain', 'plainWith', 'read', 'with', 'nested', 'twice'];

describe('a session that is asked for where there is no visitor', () => {
  let app: NextApp;
  let ada: Visitor;
  beforeAll(async () => {
    app = await startNextApp('start', { SECRET_KEY: 'c4ch-Qe6uWi1oAp4sDf7gHj0kLz5xCv8b' });
    ada = new Visitor(app.url);
    await ada.post('/api/login?user=ada');
  }, 120_000);
  afterAll(() => app.stop());

  test.each([
    { path: '/kept/error', plain: byNext, cached: byCache },
    { path: '/api/kept/error', plain: byNext, cached: byCache },
    { path: '/api/kept/forced', plain: byUs, cached: byUs },
  ])('is refused in $path, which is static, and the same for a user and for a stranger', async (place) => {
    const answers = [await ada.get(place.path), await new Visitor(app.url).get(place.path)];
    const [text, ...others] = answers.map(({ status, text }) => (status === 200 ? plainText(text) : String(status)));
    expect(others).toEqual([text]);
    const said = new Map(
      [...String(text).matchAll(/^(\w+) ((?:refused|value): .*)$/gm)].map(([, way, line]) => [way, line]),
    );
    expect([...said.keys()]).toEqual(asked);
    for (const [way, line] of said)
      expect(line).toMatch(way?.startsWith('plain') === true ? place.plain : place.cached);
  });

  test('is refused in generateStaticParams(), which makes addresses of what it is told', async () => {
    const made = async (place: string): Promise<number> => (await ada.get(`/kept/params/${place}`)).status;
    const said =
      'refused-Error-Route-kept-params-place-used-headers-inside-generateStaticParams-This-is-not-supported-';
    expect(await made(`plain-${said}`.slice(0, 100))).toBe(200);
    expect(await made(`plainWith-${said}`.slice(0, 100))).toBe(200);
    for (const way of asked) expect([way, await made(`${way}-value-nobody`)]).toEqual([way, 404]);
  });

  test('is refused in generateStaticParams() with cacheComponents too', async () => {
    const manifest = new URL('../../apps/next-fixture/dist/components/prerender-manifest.json', import.meta.url);
    const { routes } = JSON.parse(await readFile(manifest, 'utf8')) as { routes: Record<string, unknown> };
    const made = Object.keys(routes).flatMap((path) => /^\/kept\/params\/(\w+-\w+)/.exec(path)?.[1] ?? []);
    expect(made.toSorted()).toEqual(asked.map((way) => `${way}-refused`).toSorted());
  });

  test("ends the build with Next.js's own sentence, with output: 'export'", { timeout: 120_000 }, async () => {
    const folder = await writeNextApp({
      'next.config.js': "export default { output: 'export' };",
      'app/page.jsx': `import { createNextSessions } from '@sess/next';
const { readSession } = createNextSessions();
export default async function Page() {
  return <p>{(await readSession()).user}</p>;
}
`,
    });
    const { code, output } = await buildNextApp(folder, 'turbopack');
    await rm(folder, { recursive: true, force: true });
    expect(code).toBe(1);
    expect(output).toMatch(/couldn't be rendered statically because it used `headers\(\)`/);
  });
});

/** The text of a page's `<pre>`, or of a handler's answer. */
function plainText(text: string): string {
  const shown = /<pre id="value">(.*?)<\/pre>/s.exec(text)?.[1] ?? text;
  return shown.replaceAll('&#x27;', "'").replaceAll('&quot;', '"');
}
