import type { AppFolder } from '@sess/adapter-tests';
import { afterEach, expect, it } from 'vitest';

import { makeAppFolder } from '../test/app-folder.ts';

const merged = `
import { createSessions, type Session } from '@sess/core';
import { type SessionMiddleware, session } from '@sess/express';
import express from 'express';

declare module '@sess/core' {
  interface SessionData { userId?: string; views?: number }
}

const app = express();
const middleware: SessionMiddleware = session(createSessions({ idleTimeoutMs: 60_000 }));
app.use(middleware, session(), session({ cookie: { name: 'sid' } }));
app.use('/path', middleware);
express.Router().use(middleware);

app.get('/', async (req, res) => {
  const views: number | undefined = req.session.views;
  req.session.userId = 'ann';
  delete req.session.userId;
  const count: number | undefined = await req.session.update('views', (n = 0) => n + 1);
  const fresh: Session = await req.session.regenerate({ owner: 'ann', keep: ['views'] });
  const chained: Session = req.session.save(() => {});
  req.session.regenerate((error) => void error);
  req.session.cookie.maxAge = 1000;
  const handle: string = req.sessionID;
  await middleware.sessions.revokeAll('ann', { except: handle });
  res.json([views, count, fresh.isNew, chained.handle]);
});
`;

const wrong = `
${merged}
app.get('/wrong', async (req) => {
  // @ts-expect-error
  req.session.views = 'many';
  // @ts-expect-error
  req.session.nobodyDeclaredThis = 1;
  // @ts-expect-error
  req.session.update('views', () => 'many');
  // @ts-expect-error
  req.session.handle = 'mine';
  // @ts-expect-error
  req.sessionID = 'mine';
  // @ts-expect-error
  session({ resave: false });
});
`;

let folder: AppFolder | undefined;

afterEach(() => folder?.remove());

it.each([
  ['@types/express 5', '@types/express'],
  ['@types/express 4', '@types/express4'],
])('an interface merged once types req.session (%s)', async (_, types) => {
  folder = await makeAppFolder({
    '@sess/core': '@sess/core',
    '@sess/express': '@sess/express',
    '@types/express': types,
    '@types/node': '@types/node',
  });
  await folder.write('right.ts', merged);
  expect(await folder.compile(['right.ts'], ['--noEmit', '--exactOptionalPropertyTypes'])).toBe('');
  await folder.write('wrong.ts', wrong);
  expect(await folder.compile(['wrong.ts'], ['--noEmit', '--exactOptionalPropertyTypes'])).toBe('');
});

it('JavaScript is checked as well, in modules and in CommonJS', async () => {
  folder = await makeAppFolder({
    '@sess/core': '@sess/core',
    '@sess/express': '@sess/express',
    '@types/express': '@types/express',
    '@types/node': '@types/node',
  });
  const app = `
    const app = express();
    app.use(session());
    app.get('/', (req, res) => {
      req.session.views = (req.session.views ?? 0) + 1;
      // @ts-expect-error
      req.session.views = 'many';
      res.send(req.sessionID);
    });`;
  const data = `import '@sess/core';\ndeclare module '@sess/core' { interface SessionData { views?: number } }`;
  for (const file of ['data.mts', 'data.cts']) await folder.write(file, data);
  await folder.write('app.mjs', `import { session } from '@sess/express';\nimport express from 'express';\n${app}`);
  await folder.write(
    'app.cjs',
    `const { session } = require('@sess/express');\nconst express = require('express');\n${app}`,
  );
  // Each format has declarations of its own, so the keys are declared in the format of the app.
  for (const files of [
    ['data.mts', 'app.mjs'],
    ['data.cts', 'app.cjs'],
  ])
    expect(await folder.compile(files, ['--noEmit', '--allowJs', '--checkJs'])).toBe('');
  // In one program both declare `req.session`, which the compiler takes for a conflict where it checks declarations.
  const both = ['data.mts', 'data.cts', 'app.mjs', 'app.cjs'];
  expect(await folder.compile(both, ['--noEmit', '--allowJs', '--checkJs', '--skipLibCheck'])).toBe('');
});

it('needs no types of Express', async () => {
  folder = await makeAppFolder({
    '@sess/core': '@sess/core',
    '@sess/express': '@sess/express',
    '@types/node': '@types/node',
  });
  await folder.write(
    'app.ts',
    `import { createServer } from 'node:http';
     import { session } from '@sess/express';
     const middleware = session();
     createServer((request, response) => middleware(request, response, () => response.end())).listen(3000);`,
  );
  expect(await folder.compile(['app.ts'], ['--noEmit'])).toBe('');
});
