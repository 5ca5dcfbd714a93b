import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Visitor, objectIn } from './http-client.ts';
import { type NextApp, fixture, startNextApp, writeNextApp } from './next-app.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** The form that the README shows. */
const readme = await readFile(join(fixture, '../../packages/next/README.md'), 'utf8');
const shown = /^```ts\n(\/\/ lib\/session\.ts, with a store of your own choice\n[\s\S]*?)^```$/m.exec(readme)?.[1];

const imports = "import { redisStore } from '@sess/redis';\nconst url = process.env.REDIS_ADDRESS ?? '';\n";
const ways: Record<string, string> = {
  readme: shown ?? '',
  given: `import { createNextSessions } from '@sess/next';\n${imports}
export const { readSession, withSession } = createNextSessions({ store: redisStore({ url, prefix: 'given:' }), cookie: { name: 'given' } });
`,
};

const page = `import { readSession } from '../../lib/WAY';
export default async function Page() {
  return <p id="views">{(await readSession()).views}</p>;
}
`;
const handler = `import { edit, withSession } from '../../../lib/WAY';
export const POST = withSession(async (session, request) =>
  Response.json({ edit, views: await session.update('views', (views = 0) => views + 1) }));
`;
/** All modules that make sessions, as they are after an edit. Types are left out: the app is compiled, not checked. */
function edited(number: number): [file: string, code: string][] {
  return Object.entries(ways).map(([way, code]) => [`lib/${way}.js`, `${code}export const edit = ${number};\n`]);
}

const app: Record<string, string> = Object.fromEntries(edited(0));
for (const way of Object.keys(ways)) {
  app[`app/${way}/page.jsx`] = page.replace('WAY', way);
  app[`app/api/${way}/route.js`] = handler.replace('WAY', way);
}

const reloads = 20;

describe(`the connections of next dev, over ${reloads} hot reloads`, { timeout: 300_000 }, () => {
  let redis: RedisServer;
  let folder: string;
  let running: NextApp;

  /** What has been started ends, also where the next one did not start. */
  const ends: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    redis = await startRedis();
    ends.unshift(redis.dispose);
    folder = await writeNextApp(app);
    ends.unshift(() => rm(folder, { recursive: true, force: true }));
    running = await startNextApp('dev', { REDIS_ADDRESS: redis.url }, folder);
    ends.unshift(running.stop);
  }, 120_000);
  afterAll(async () => {
    for (const end of ends) await end();
  });

  async function connections(): Promise<number> {
    const list = String(await redis.admin.client('LIST'));
    return list.trim().split('\n').length;
  }

  test('stay the same, and so do the sessions', async () => {
    const ada = new Visitor(running.url);
    for (let number = 0; number <= reloads; number += 1) {
      for (const [file, code] of edited(number)) await writeFile(join(folder, file), code);
      for (const way of Object.keys(ways)) {
        const seen = async (): Promise<unknown> => objectIn(await ada.post(`/api/${way}`))['edit'];
        await expect.poll(seen, { timeout: 30_000 }).toBe(number);
        expect((await ada.get(`/${way}`, {}, 60_000)).status).toBe(200);
      }
      // One for each way, and this test's own.
      expect([number, await connections()]).toEqual([number, Object.keys(ways).length + 1]);
    }
    for (const way of Object.keys(ways))
      expect(objectIn(await ada.post(`/api/${way}`))['views']).toBeGreaterThan(reloads);
  });
});
