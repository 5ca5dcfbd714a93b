import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtFrameworks } from './built-frameworks.ts';
import { startPair, told } from './checked-apps.ts';
import { RecipeFolder } from './recipe.ts';
import { type RedisServer, startRedis } from './redis-server.ts';
import { runtimes } from './runtimes.ts';

const fixtures = fileURLToPath(new URL('../fixtures/checks/', import.meta.url));

interface Row {
  readonly name: string;
  readonly app: string;
  /** By default the Node.js at hand. */
  readonly runtime?: string;
}

const on = (runtime: string, name: string, app: string): Row => ({ name: `${name}, ${runtime}`, app, runtime });
const rows: readonly Row[] = [
  { name: 'Express', app: 'express' },
  { name: 'Koa', app: 'koa' },
  { name: 'Fastify', app: 'fastify' },
  { name: 'Hono', app: 'hono' },
  { name: 'h3', app: 'h3' },
  ...['Node.js 20', 'Node.js 22', 'Node.js 24', 'Node.js 26', 'Bun', 'Deno'].flatMap((runtime) => [
    on(runtime, 'node:http', 'node-http'),
    ...(runtime === 'Node.js 20' ? [] : [on(runtime, 'Express', 'express')]),
  ]),
  { name: 'Bun.serve', app: 'bun-serve', runtime: 'Bun' },
  { name: 'Deno.serve', app: 'deno-serve', runtime: 'Deno' },
];

function runAll(): void {
  let redis: RedisServer;
  let folder: RecipeFolder;
  beforeAll(async () => {
    redis = await startRedis('--databases', String(rows.length + 1));
    folder = new RecipeFolder();
  });
  afterAll(async () => {
    await folder.dispose();
    await redis.dispose();
  });
  it.each(rows.map((row, index) => ({ ...row, index })))(
    '$name',
    { timeout: 120_000 },
    async ({ name, app, runtime = '', index }) => {
      const pair = await startPair(redis, index, (env) =>
        folder.startFile(join(fixtures, `${app}.mjs`), env, runtimes.get(runtime)),
      );
      try {
        expect(await pair.outcomes()).toEqual(told.get(name));
      } finally {
        await pair.dispose();
      }
    },
  );
}

describe('the twelve checks, with Redis and two processes', () => {
  // Minutes of starting processes: on demand, whenever the table of the page is made anew.
  if (process.env['SESS_CHECKS'] === '1') runAll();

  it('has a row of the page for each app, and no other', () => {
    const all = [...rows, ...builtFrameworks].map(({ name }) => name);
    expect([...told.keys()].toSorted()).toEqual(all.toSorted());
  });
});
