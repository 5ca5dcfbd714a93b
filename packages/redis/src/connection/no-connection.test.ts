import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, freePort, startServer } from '../../test/redis-server.ts';
import { by, newKey, outcomeOf, record } from '@sess/store-tests/internal';
import { redisStore } from '../index.ts';

describe('what is said where no connection comes about', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
    await server.admin.call('ACL', 'SETUSER', 'narrow', 'on', '>narrow', '~*', '+@all', '-select');
  });
  afterAll(() => server.dispose());

  async function told(url: string): Promise<string | undefined> {
    const store = redisStore({ url, timeoutMs: 400 });
    const { code, error } = await outcomeOf(() => store.create(newKey(), record({ a: '1' }), by()));
    await store.close();
    return code === 'STORE_UNAVAILABLE' ? error?.message : `${code}: ${error?.message}`;
  }

  it('a database that the server does not have is never another one', async () => {
    expect(await told(`redis://127.0.0.1:${server.port}/99`)).toMatch(/\/99\) has no database of that number/);
    expect(await told(`redis://narrow:narrow@127.0.0.1:${server.port}/3`)).toMatch(
      /\/3\) does not let this user do it/,
    );
    for (const db of [0, 3]) {
      await server.admin.select(db);
      expect(await server.admin.dbsize()).toBe(0);
    }
    await server.admin.select(0);
  });

  it('is what the server has answered', async () => {
    await server.admin.config('SET', 'requirepass', 'secret');
    const address = `127.0.0.1:${server.port}`;
    expect(await told(`redis://${address}`)).toMatch(/asks for a password, and was given none \(NOAUTH\)\.$/);
    expect(await told(`redis://:wrong@${address}`)).toMatch(/refuses the user name or password \(WRONGPASS\)\.$/);
    await server.admin.config('SET', 'requirepass', '');
    expect(await told(`redis+cluster://${address}`)).toMatch(/tells of no cluster .* A single server is redis:/);
  });

  it('is a sentence where nobody has answered', async () => {
    const port = await freePort();
    expect(await told(`redis://127.0.0.1:${port}`)).toMatch(
      /cannot be reached: connect ECONNREFUSED [\d.:]+\. Check that it runs, and the address\.$/,
    );
    const silent = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port: deaf } = silent.address() as { port: number };
    expect(await told(`redis://127.0.0.1:${deaf}`)).toMatch(/cannot be reached: it has not answered yet\. Check/);
    silent.close();
    expect(await told(`rediss://127.0.0.1:${server.port}`)).toMatch(/and that it speaks TLS there\.$/);
  });

  it('is not that there is none, while one that was silent is made anew: a busy host hears late', async () => {
    const store = redisStore({ url: `redis://127.0.0.1:${server.port}`, timeoutMs: 400 });
    await store.create(newKey(), record({ a: '1' }), by());
    server.freeze();
    try {
      const within = (ms: number) => outcomeOf(() => store.read(newKey(), performance.now() + ms));
      expect(await within(300)).toMatchObject({ code: 'STORE_TIMEOUT' });
      expect(await within(5)).toMatchObject({ code: 'STORE_TIMEOUT' });
    } finally {
      server.thaw();
    }
    await store.close();
  });

  it('is not that there is none, where one has come too late: this host is busy, not the server gone', async () => {
    const store = redisStore({ url: `redis://127.0.0.1:${server.port}` });
    const reading = outcomeOf(() => store.read(newKey(), performance.now() + 50));
    const busyUntil = performance.now() + 200;
    while (performance.now() < busyUntil);
    expect(await reading).toMatchObject({ code: 'STORE_TIMEOUT' });
    await store.close();
  });
});
