import { rm } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { Visitor } from './http-client.ts';
import { type NextApp, buildNextApp, startNextApp, writeNextApp } from './next-app.ts';

/** The sentence of @sess/next: which runtime, and what to do. Not that of Next.js, which says that Edge is deprecated. */
const sentence = /@sess\/next was loaded in the Edge runtime .*take out `export const runtime = 'edge'`.*proxy\.ts/i;

const appSession = `import { createNextSessions } from '@sess/next';
export const { readSession, withSession } = createNextSessions();
`;
const page = `import { readSession } from '../../lib/session';
export const runtime = 'edge';
export default async function Page() {
  return <p>{(await readSession()).user}</p>;
}
`;
const handler = `import { withSession } from '../../../lib/session';
export const runtime = 'edge';
export const GET = withSession((session) => Response.json({ user: session.user }));
`;
const pagesHandler = `import { createPagesSessions } from '@sess/next/pages';
export const config = { runtime: 'edge' };
export default createPagesSessions().withSession((session) => Response.json({ user: session.user }));
`;
const middleware = `import { NextResponse } from 'next/server';
import { withSession } from './lib/session';
export const config = { matcher: '/guarded' };
export const middleware = withSession(() => NextResponse.next());
`;

describe('the Edge runtime is named, and what to do,', { timeout: 180_000 }, () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  async function write(files: Readonly<Record<string, string>>): Promise<string> {
    const folder = await writeNextApp({ 'lib/session.js': appSession, ...files });
    ends.unshift(() => rm(folder, { recursive: true, force: true }));
    return folder;
  }

  async function start(mode: 'start' | 'dev', folder: string): Promise<NextApp> {
    const app = await startNextApp(mode, { SECRET_KEY: '3dge-Qe6uWi1oAp4sDf7gHj0kLz5xCv8b' }, folder);
    ends.unshift(app.stop);
    return app;
  }

  test('when webpack builds a page for it', async () => {
    const { code, output } = await buildNextApp(await write({ 'app/edge/page.jsx': page }), 'webpack');
    expect([code, output]).toEqual([1, expect.stringMatching(sentence)]);
  });

  test('at the first request that a middleware runs for: Turbopack builds it without running it', async () => {
    const folder = await write({ 'middleware.js': middleware });
    const { code, output } = await buildNextApp(folder, 'turbopack');
    expect([code, output]).toEqual([0, expect.not.stringMatching(sentence)]);
    const app = await start('start', folder);
    expect((await new Visitor(app.url).get('/guarded')).status).toBe(500);
    await expect.poll(app.output).toMatch(sentence);
  });

  test('by next dev, for a page, a handler and an API route', async () => {
    const app = await start(
      'dev',
      await write({ 'app/edge/page.jsx': page, 'app/api/edge/route.js': handler, 'pages/api/old.js': pagesHandler }),
    );
    for (const path of ['/edge', '/api/edge', '/api/old']) {
      const before = app.output().length;
      expect([path, (await new Visitor(app.url).get(path, {}, 60_000)).status]).toEqual([path, 500]);
      await expect.poll(() => app.output().slice(before), { timeout: 15_000 }).toMatch(sentence);
    }
  });
});
