import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Visitor, objectIn } from './http-client.ts';
import { type NextApp, fixture, startNextApp } from './next-app.ts';
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
const layout = `export default function Layout({ children }) {
  return <html lang="en"><body>{children}</body></html>;
}
`;

const app: Record<string, string> = {
  'package.json': '{ "private": true, "type": "module" }',
  // Else Next.js looks for one further up.
  'next.config.js': 'export default {};',
  'app/layout.jsx': layout,
  'app/static/page.jsx': 'export default function Page() { return <p>Here.</p>; }',
};
for (const way of Object.keys(ways)) {
  app[`app/${way}/page.jsx`] = page.replace('WAY', way);
  app[`app/api/${way}/route.js`] = handler.replace('WAY', way);
}

const reloads = 20;

describe(`the connections of next dev, over ${reloads} hot reloads`, { timeout: 300_000 }, () => {
  let redis: RedisServer;
  let folder: string;
  let running: NextApp;

  /** An edit of all files that make sessions. Their types are left out: the app is compiled, not checked. */
  async function edit(number: number): Promise<void> {
    for (const [way, code] of Object.entries(ways))
      await writeFile(join(folder, `lib/${way}.js`), `${code}export const edit = ${number};\n`);
  }

  beforeAll(async () => {
    redis = await startRedis();
    // Git leaves this folder alone, and from it the fixture's packages are found.
    await mkdir(join(fixture, 'dist'), { recursive: true });
    folder = await mkdtemp(join(fixture, 'dist', 'reload-'));
    await mkdir(join(folder, 'lib'));
    for (const [name, text] of Object.entries(app)) {
      await mkdir(join(folder, dirname(name)), { recursive: true });
      await writeFile(join(folder, name), text);
    }
    await edit(0);
    running = await startNextApp('dev', { REDIS_ADDRESS: redis.url }, folder);
  }, 120_000);
  afterAll(async () => {
    await running.stop();
    await redis.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  async function connections(): Promise<number> {
    const list = String(await redis.admin.client('LIST'));
    return list.trim().split('\n').length;
  }

  test('stay the same, and so do the sessions', async () => {
    const ada = new Visitor(running.url);
    for (let number = 0; number <= reloads; number += 1) {
      await edit(number);
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
