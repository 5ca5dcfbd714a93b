import { type AppFolder, Visitor } from '@sess/adapter-tests';
import { afterEach, expect, it } from 'vitest';

import { makeAppFolder } from '../test/app-folder.ts';

const modules = `
import { session } from '@sess/express';
import express from 'express';`;

const requires = `
const { session } = require('@sess/express');
const express = require('express');`;

const app = `
const app = express();
app.use(session());
app.get('/', (req, res) => {
  req.session.views = (req.session.views ?? 0) + 1;
  res.json(req.session.views);
});
app.listen(3000, '127.0.0.1');`;

let folder: AppFolder | undefined;

afterEach(() => folder?.remove());

it.each([
  ['Express 5', 'express', 'app.mjs', modules],
  ['Express 4', 'express4', 'app.mjs', modules],
  ['Express 5 in CommonJS', 'express', 'app.cjs', requires],
  ['Express 4 in CommonJS', 'express4', 'app.cjs', requires],
])(
  'without any configuration the workers of this host share sessions on files (%s)',
  async (_, framework, file, head) => {
    folder = await makeAppFolder({
      '@sess/core': '@sess/core',
      '@sess/express': '@sess/express',
      '@sess/fs': '@sess/fs',
      express: framework,
    });
    await folder.write(file, head + app);
    const first = await folder.start(file);
    const second = await folder.start(file);
    const visitor = new Visitor(first.url);
    const elsewhere = new Visitor(second.url);
    expect(await visitor.json('/')).toBe(1);
    for (const [name, value] of visitor.cookies) elsewhere.cookies.set(name, value);
    expect(await elsewhere.json('/')).toBe(2);
    expect(await visitor.json('/')).toBe(3);
    await expect.poll(first.output).toContain('Session storage initialized: filesystem');
    expect(first.output()).toContain(`Session directory: ${folder.path}`);
  },
);

it('under a test runner it needs no store: the session is in a signed cookie', async () => {
  folder = await makeAppFolder({ '@sess/core': '@sess/core', '@sess/express': '@sess/express', express: 'express' });
  await folder.write('app.mjs', modules + app);
  const running = await folder.start('app.mjs', { NODE_ENV: 'test' });
  const visitor = new Visitor(running.url);
  expect([await visitor.json('/'), await visitor.json('/')]).toEqual([1, 2]);
  await expect.poll(running.output).toContain('Session storage initialized: signed cookies');
});

it('where the storage package is missing it says what to install, at once', async () => {
  folder = await makeAppFolder({ '@sess/core': '@sess/core', '@sess/express': '@sess/express', express: 'express' });
  await folder.write('app.mjs', modules + app);
  const env = { SESSION_REDIS_URL: 'redis://127.0.0.1:1' };
  await expect(folder.start('app.mjs', env)).rejects.toThrow('npm install @sess/redis');
});

it('in production it does not start without a secret', async () => {
  folder = await makeAppFolder({
    '@sess/core': '@sess/core',
    '@sess/express': '@sess/express',
    '@sess/fs': '@sess/fs',
    express: 'express',
  });
  await folder.write('app.mjs', modules + app);
  await expect(folder.start('app.mjs', { NODE_ENV: 'production' })).rejects.toThrow('SECRET_KEY is not set');
});
