import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { expressDemo } from './express-demo.ts';
import { Visitor, newcomer, send } from './http-client.ts';
import { type RedisServer, startRedis, until } from './redis-server.ts';
import { type RunningDemo, startDemo } from './start-demo.ts';
import { type TcpProxy, startProxy } from './tcp-proxy.ts';

/** What one request of a browser costs on the wire, seen from the server and from between. */
describe('what a request to the Express demo sends to Redis', () => {
  let redis: RedisServer;
  let proxy: TcpProxy;
  let demo: RunningDemo;
  let monitor: Redis;
  /** Names of commands that clients sent: what a script does inside is not among them. */
  let seen: string[] = [];
  let ada: Visitor;

  beforeAll(async () => {
    redis = await startRedis();
    proxy = await startProxy(redis.port);
    // One worker has one connection: what is seen belongs to the request that was just made.
    const env = { SESSION_REDIS_URL: `redis://127.0.0.1:${proxy.port}` };
    demo = await startDemo(expressDemo, { store: 'redis', workers: 1, env });
    const watcher = new Redis({ port: redis.port, lazyConnect: true });
    await watcher.connect();
    monitor = await watcher.monitor();
    watcher.disconnect();
    monitor.on('monitor', (_time: string, [name = '', ...rest]: string[], source: string) => {
      if (source !== 'lua') seen.push([name.toLowerCase(), ...(name.toLowerCase() === 'echo' ? rest : [])].join(' '));
    });
    // The worker learns which scripts the server knows.
    const grace = new Visitor(demo.url);
    await grace.post('/api/count');
    await grace.login('Grace');
    await grace.post('/api/set/a', { value: 1 });
    await grace.post('/api/logout');
  }, 30_000);
  afterAll(async () => {
    monitor.disconnect();
    await demo.stop();
    await proxy.dispose();
    await redis.dispose();
  });
  beforeEach(() => {
    ada = new Visitor(demo.url);
  });

  /** All commands until now, and since the last time. */
  const commands = async (): Promise<string[]> => {
    const mark = newcomer('mark');
    await redis.admin.echo(mark);
    await until(() => Promise.resolve(seen.includes(`echo ${mark}`)));
    const names = seen.filter((name) => !/^(echo|hello|info|client|select|ping)/.test(name));
    seen = [];
    return names;
  };
  const costOf = async (request: () => Promise<unknown>) => {
    await commands();
    proxy.forget();
    // Long enough that what is sent together is one turn.
    proxy.delayMs = 30;
    await request();
    proxy.delayMs = 0;
    const { sentBytes, turns } = proxy;
    return { names: await commands(), sentBytes, turns };
  };

  test('nothing for somebody without a cookie, or with one that is not ours', async () => {
    const { names, sentBytes } = await costOf(async () => {
      await send(`${demo.url}/`);
      await send(`${demo.url}/api/me`);
      await send(`${demo.url}/api/sessions`);
      await send(`${demo.url}/api/me`, { cookie: 'other=1; sid=made-up' });
      await send(`${demo.url}/api/me`, { cookie: `sid=${'a'.repeat(43)}.${'b'.repeat(43)}` });
    });
    expect({ names, sentBytes }).toEqual({ names: [], sentBytes: 0 });
  });

  test('one command to read', async () => {
    await ada.login('Ada');
    expect(await costOf(() => ada.me())).toMatchObject({ names: ['get'], turns: 1 });
    expect(await costOf(() => ada.get('/'))).toMatchObject({ names: ['get'], turns: 1 });
  });

  test('two to change a key or to count: one reads, one writes', async () => {
    await ada.login('Ada');
    const written = { names: ['get', 'evalsha'], turns: 2 };
    expect(await costOf(() => ada.post('/api/set/a', { value: 1 }))).toMatchObject(written);
    expect(await costOf(() => ada.post('/api/count'))).toMatchObject(written);
    // What is as it was is not written.
    expect(await costOf(() => ada.post('/api/set/a', { value: 1 }))).toMatchObject({ names: ['get'], turns: 1 });
  });

  test('at most four in three round trips for a login, with or without a session before it', async () => {
    const first = await costOf(() => ada.login('Ada'));
    await ada.post('/api/logout');
    await ada.post('/api/count');
    const second = await costOf(() => ada.login('Ada'));
    const again = await costOf(() => ada.login('Ada'));
    console.log('logins:', ...[first, second, again].map(({ names, turns }) => `${names.join(' ')} in ${turns};`));
    for (const { names, turns } of [first, second, again]) {
      expect(names.length).toBeLessThanOrEqual(4);
      expect(turns).toBeLessThanOrEqual(3);
    }
  });

  test('at most 650 bytes to write a count in a session of 60 KB with a label', async () => {
    await ada.login('Ada');
    await ada.post('/api/count');
    const set = await costOf(() => ada.post('/api/set/cart', { value: 'x'.repeat(60_000) }));
    expect(set.sentBytes).toBeGreaterThan(60_000);
    // A session that was written often remembers its last writes.
    for (let round = 0; round < 14; round += 1) await ada.post('/api/count');
    const read = await costOf(() => ada.me());
    const count = await costOf(() => ada.post('/api/count'));
    const writtenBytes = count.sentBytes - read.sentBytes;
    console.log(`60 KB session: ${read.sentBytes} bytes sent to read, ${writtenBytes} to write a count`);
    expect(count.names).toEqual(['get', 'evalsha']);
    expect(writtenBytes).toBeLessThanOrEqual(650);
  });
});
