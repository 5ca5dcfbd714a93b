import { symlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { AppFolder, Visitor, readmeCode } from '@sess/adapter-tests';
import { afterAll, beforeAll, expect, it } from 'vitest';

const here = fileURLToPath(new URL('..', import.meta.url));

let folder: AppFolder;

/** An app that has this package under both names. */
beforeAll(async () => {
  const adapter = { name: '@sess/express-session', folder: here, installAt: (place: string) => symlink(here, place) };
  const names = ['@sess/core', '@sess/fs', '@sess/express-session', '@types/express', '@types/node', 'express'];
  const packages = { ...Object.fromEntries(names.map((name) => [name, name])), 'express-session': adapter.name };
  folder = await AppFolder.make(adapter, packages);
});

afterAll(() => folder.remove());

it('the program of README.md runs as it is, under the alias', async () => {
  const code = await readmeCode(new URL('../README.md', import.meta.url));
  expect(code.get('js')).toHaveLength(1);
  await folder.write('app.cjs', String(code.get('js')));
  const { url } = await folder.start('app.cjs', { SECRET_KEY: 'x7Kq-tests-of-the-drop-in-only-Zr91-Lm20' });
  const visitor = new Visitor(url);
  expect(await visitor.text('/')).toBe('You were here 1 times.');
  expect(await visitor.text('/')).toBe('You were here 2 times.');
});

const app = (name: string, importing: string): string => `
import express from 'express';
${importing}
declare module '${name}' { interface SessionData { userId?: string; views?: number } }

class Mine extends session.Store {
  get(_sid: string, callback: (error: any, found?: session.SessionData | null) => void): void { callback(null, null); }
  set(_sid: string, _data: session.SessionData, callback?: (error?: any) => void): void { callback?.(); }
  destroy(_sid: string, callback?: (error?: any) => void): void { callback?.(); }
}
const options: session.SessionOptions = {
  secret: 'x', resave: false, saveUninitialized: false, store: new Mine(), cookie: { maxAge: 5, secure: 'auto' },
};
const app = express();
app.use(session(options));
app.get('/', (req, res) => {
  const id: string | undefined = req.session.userId;
  req.session.views = (req.session.views ?? 0) + 1;
  req.session.cookie.maxAge = 1000;
  req.session.regenerate(() => void req.session.save(() => void req.session.destroy(() => res.end())));
  // @ts-expect-error
  req.session.views = 'many';
  // @ts-expect-error
  req.session.nobodyDeclaredThis = 1;
  const [one, store]: [session.Session, session.Store] = [req.session, req.sessionStore];
  res.json([id, one.id, store, new session.MemoryStore(), new session.Cookie(), req.sessionID]);
});
// @ts-expect-error
session({ genid: () => 'x' });
// @ts-expect-error
session({ cookie: { httpOnly: false } });
`;

it.each([
  ['express-session', 'esm.mts', "import session from 'express-session';"],
  ['@sess/express-session', 'own.mts', "import session from '@sess/express-session';"],
  ['express-session', 'require.cts', "import session = require('express-session');"],
  ['@sess/express-session', 'star.cts', "import session = require('@sess/express-session');"],
])('an app that extends %s compiles (%s)', async (name, file, importing) => {
  await folder.write(file, app(name, importing));
  expect(await folder.compile([file], ['--noEmit', '--skipLibCheck', '--esModuleInterop'])).toBe('');
});

it('the declaration of README.md is heard', async () => {
  const code = await readmeCode(new URL('../README.md', import.meta.url));
  const use = 'export const idOf = (req: Express.Request): string | undefined => req.session.userId;';
  await folder.write('page.ts', `${String(code.get('ts'))}\n${use}`);
  expect(await folder.compile(['page.ts'], ['--noEmit', '--skipLibCheck'])).toBe('');
});
