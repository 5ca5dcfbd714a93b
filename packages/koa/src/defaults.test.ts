import { type AppFolder, Visitor } from '@sess/adapter-tests';
import { afterEach, expect, it } from 'vitest';

import { makeAppFolder } from '../test/app-folder.ts';

const modules = `
import { session } from '@sess/koa';
import Koa from 'koa';`;

const requires = `
const { session } = require('@sess/koa');
const Koa = require('koa');`;

const app = `
const app = new Koa();
app.use(session());
app.use((ctx) => {
  ctx.session.views = (ctx.session.views ?? 0) + 1;
  ctx.body = String(ctx.session.views);
});
app.listen(3000, '127.0.0.1');`;

let folder: AppFolder | undefined;

afterEach(() => folder?.remove());

it.each([
  ['Koa 3', 'koa', 'app.mjs', modules],
  ['Koa 2', 'koa2', 'app.mjs', modules],
  ['Koa 3 in CommonJS', 'koa', 'app.cjs', requires],
  ['Koa 2 in CommonJS', 'koa2', 'app.cjs', requires],
])(
  'without any configuration the workers of this host share sessions on files (%s)',
  async (_, framework, file, head) => {
    folder = await makeAppFolder({
      '@sess/core': '@sess/core',
      '@sess/fs': '@sess/fs',
      '@sess/koa': '@sess/koa',
      koa: framework,
    });
    await folder.write(file, head + app);
    const first = await folder.start(file);
    const second = await folder.start(file);
    const visitor = new Visitor(first.url);
    const elsewhere = new Visitor(second.url);
    expect(await visitor.text('/')).toBe('1');
    for (const [name, value] of visitor.cookies) elsewhere.cookies.set(name, value);
    expect(await elsewhere.text('/')).toBe('2');
    expect(await visitor.text('/')).toBe('3');
    await expect.poll(first.output).toContain('Session storage initialized: filesystem');
    expect(first.output()).toContain(`Session directory: ${folder.path}`);
  },
);

it('where the storage package is missing it says what to install, at once', async () => {
  folder = await makeAppFolder({ '@sess/core': '@sess/core', '@sess/koa': '@sess/koa', koa: 'koa' });
  await folder.write('app.mjs', modules + app);
  const env = { SESSION_REDIS_URL: 'redis://127.0.0.1:1' };
  await expect(folder.start('app.mjs', env)).rejects.toThrow('npm install @sess/redis');
});
