import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, Visitor } from './http-client.ts';
import { type NextApp, startNextApp } from './next-app.ts';
import { submitForm } from './next-form.ts';

/** How a value is asked for from within a cache, see `lib/shared-values.ts` of the fixture. */
const ways = ['read', 'with', 'nested', 'twice'];

type Ask = (who: Visitor, way: string, run: string) => Promise<Answer>;

/** Where the app asks for it. */
const places: Record<string, Ask> = {
  'a page': (who, way, run) => who.get(`/shared/${way}?run=${run}`),
  'a page that has read the session': (who, way, run) => who.get(`/shared/${way}?run=${run}&first`),
  'a plain handler': (who, way, run) => who.get(`/api/shared/plain/${way}?run=${run}`),
  'a handler that has read the session': (who, way, run) => who.get(`/api/shared/after/${way}?run=${run}`),
  'a withSession() inside a handler': (who, way, run) => who.get(`/api/shared/inside/${way}?run=${run}`),
  'a handler made by withSession()': (who, way, run) => who.post(`/api/shared/whole/${way}?run=${run}`),
};

describe('what is read inside a cache that all visitors share', () => {
  let app: NextApp;
  beforeAll(async () => {
    app = await startNextApp('start', { SECRET_KEY: 'c4ch-Qe6uWi1oAp4sDf7gHj0kLz5xCv8b' });
  }, 120_000);
  afterAll(() => app.stop());

  /** Two users and a stranger. */
  async function visitors(): Promise<Visitor[]> {
    const [ada, grace, stranger] = [new Visitor(app.url), new Visitor(app.url), new Visitor(app.url)];
    await ada.post('/api/login?user=ada');
    await grace.post('/api/login?user=grace');
    return [ada, grace, stranger];
  }
  const refused = /^refused: Error: Route .*`headers\(\)`.* inside `unstable_cache\(\)`/;

  describe.each(Object.entries(places))('in %s', (_place, ask) => {
    test.each(ways)('is refused by Next.js to everybody (%s)', async (way) => {
      const run = randomUUID();
      for (const who of await visitors()) {
        const { text } = await ask(who, way, run);
        expect(/<p id="value">(.*?)<\/p>/s.exec(text)?.[1] ?? text).toMatch(refused);
      }
    });
  });

  test.each(ways)('in a Server Action is refused by Next.js to everybody (%s)', async (way) => {
    const run = randomUUID();
    for (const who of await visitors()) {
      const address = `${app.url}/shared/${way}?run=${run}`;
      const page = await who.get(`/shared/${way}?run=${run}`);
      const answer = await submitForm(who, address, page.text, 'keep', { way, run });
      const value = new URL(String(answer.headers.location), app.url).searchParams.get('value');
      expect(value).toMatch(refused);
    }
  });
});
