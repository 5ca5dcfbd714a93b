import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FaultProxy, startProxy } from '../test/fault-proxy.ts';
import { type TestServer, startServer, until } from '../test/redis-server.ts';
import { change, forget, keysOf, newKey, newPrefix, record } from '../test/session-fixtures.ts';
import { type RedisStore, redisStore } from './index.ts';

let server: TestServer;
let proxy: FaultProxy;
let store: RedisStore;
let prefix: string;

beforeAll(async () => {
  server = await startServer();
  proxy = await startProxy(server.port);
});
afterAll(async () => {
  await proxy.dispose();
  await server.dispose();
});

beforeEach(async () => {
  prefix = newPrefix();
  store = redisStore({ url: proxy.url, prefix });
  // As at start: the probe of `ready()`. Connects, and makes the scripts known.
  const key = newKey();
  await store.create(key, record({}, { owner: 'probe' }));
  await store.read(key);
  await store.update(key, change());
  await store.destroy(key);
  proxy.forget();
});
afterEach(async () => {
  proxy.delayMs = 0;
  await store.close();
});

const indexOf = (owner: string) => `${prefix}owner:${createHash('sha256').update(owner).digest('hex')}`;
const names = () => proxy.commands.map(([name]) => name?.toLowerCase());

it('commands of one turn of the event loop are written at once, however many requests they are of', async () => {
  const client = new Redis(proxy.url);
  const own = redisStore({ client, prefix });
  const keys = Array.from({ length: 20 }, newKey);
  await Promise.all(keys.map((key) => own.create(key, record({ a: '1' }))));
  const single = vi.spyOn(client.stream, '_write');
  const several = vi.spyOn(client.stream, '_writev');
  proxy.forget();
  expect(await Promise.all(keys.map((key) => own.read(key)))).toHaveLength(20);
  expect(names()).toEqual(keys.map(() => 'get'));
  expect([single, several].map(({ mock }) => mock.calls.length)).toEqual([0, 1]);
  await own.close();
  await client.quit();
});

describe('what goes over the wire', () => {
  it('a read is one GET, and one command more where there is no session', async () => {
    const key = newKey();
    await store.create(key, record({ a: '1' }));
    proxy.forget();
    await store.read(key);
    expect(names()).toEqual(['get']);
    await store.destroy(key, { endMarkerMs: 60_000 });
    proxy.forget();
    expect(await store.read(key)).toBe('ended');
    expect(names()).toEqual(['get']);
    proxy.forget();
    expect(await store.read(newKey())).toBeUndefined();
    expect(names()).toEqual(['get', 'getex']);
  });

  it('a create, an update, a touch and a destroy are one EVALSHA each', async () => {
    const key = newKey();
    await store.create(key, record({ a: '1' }));
    await store.update(key, change({ set: { a: '2' } }));
    await store.update(key, change());
    await store.destroy(key, { endMarkerMs: 60_000 });
    expect(names()).toEqual(['evalsha', 'evalsha', 'evalsha', 'evalsha']);
  });

  it('a login is four commands in three round trips', async () => {
    const anonymous = newKey();
    await store.create(anonymous, record({ cart: '[1]' }));
    proxy.forget();
    proxy.delayMs = 400;
    const begunAt = performance.now();
    await store.read(anonymous);
    expect(await store.create(newKey(), record({ userId: '"u1"' }, { owner: 'u1' }))).toBe(true);
    await store.destroy(anonymous, { endMarkerMs: 60_000 });
    const tookMs = performance.now() - begunAt;
    expect(names()).toEqual(['get', 'evalsha', 'evalsha', 'evalsha']);
    expect(tookMs).toBeGreaterThan(1190);
    expect(tookMs).toBeLessThan(1590);
  });

  it('a counter in a session of 60 KB is written with less than 500 bytes', async () => {
    const key = newKey();
    await store.create(key, record({ cart: JSON.stringify('x'.repeat(60_000)), views: '1' }));
    proxy.forget();
    expect(await store.update(key, change({ set: { views: '2' }, expect: { views: '1' } }))).toBe('applied');
    expect(proxy.sentBytes).toBeLessThan(500);
    proxy.forget();
    expect(await store.update(key, change())).toBe('applied');
    expect(proxy.sentBytes).toBeLessThan(400);
  });

  it('commands of parallel requests share one round trip', async () => {
    const keys = Array.from({ length: 50 }, newKey);
    for (const key of keys) await store.create(key, record({ a: '1' }));
    proxy.forget();
    proxy.delayMs = 400;
    const begunAt = performance.now();
    await Promise.all(keys.map((key) => store.read(key)));
    expect(performance.now() - begunAt).toBeLessThan(790);
    expect(names()).toHaveLength(50);
  });

  it('a session that is used beyond the period of its index entry renews it: the only write that costs two', async () => {
    const key = newKey();
    // Periods are counted from the epoch: these two instants lie in the same one, the third in the next.
    const hour = 3_600_000;
    const start = Math.ceil(Date.now() / hour) * hour;
    const times = (touchedAt: number) => ({ touchedAt, expiresAt: touchedAt + hour / 2 });
    await store.create(key, record({}, { ...times(start), owner: 'u1' }));
    proxy.forget();
    await store.update(key, change(times(start + hour - 1)));
    expect(names()).toEqual(['evalsha']);
    await store.update(key, change(times(start + hour)));
    await keysOf(store, 'u1');
    expect(names()).toEqual(['evalsha', 'evalsha', 'evalsha', 'zscan', 'zrem']);
  });

  it('walking and listing by owner use SCAN and ZSCAN, never KEYS', async () => {
    const monitor = await new Redis(server.port).monitor();
    const seen: string[] = [];
    monitor.on('monitor', (_time: string, [name]: string[]) => seen.push(String(name).toLowerCase()));
    await store.create(newKey(), record({}, { owner: 'u1' }));
    const walked: string[] = [];
    for await (const key of store.walk()) walked.push(key);
    const owned = await keysOf(store, 'u1');
    await forget(store, 'u1', owned);
    monitor.disconnect();
    expect(walked).toEqual(owned);
    expect(seen).toContain('scan');
    expect(seen).toContain('zscan');
    expect(seen).not.toContain('keys');
  });
});

describe('what lies in Redis', () => {
  async function fieldsOf(key: string): Promise<Record<string, string>> {
    const found = await store.read(key);
    return found === undefined || found === 'ended' ? {} : found.fields;
  }

  it('a key is the prefix and the handle; fields of users cannot meet our own', async () => {
    const key = newKey();
    const fields = Object.fromEntries(['m', 'k', 'x', 'o', 's', '-', '', ';1.a', '.'].map((name) => [name, '"!"']));
    await store.create(key, record(fields));
    expect((await store.read(key)) as unknown).toMatchObject({ fields });
    await store.update(key, change({ unset: Object.keys(fields) }));
    expect((await store.read(key)) as unknown).toMatchObject({ fields: {} });
    expect(await server.admin.get(prefix + key)).toMatch(/^1 [\da-f]{8} \d+ \d+ \d+ \S{11} \[0,0\]\n$/);
  });

  it('keys and texts with lone surrogates and leading NUL stay apart', async () => {
    const key = newKey();
    const fields = {
      '\ud800': '"\ud800"',
      '\ud801': '"\udfff"',
      '\ufffd': '1',
      '\0': '\0',
      '\0"\\u0000"': '\0\0',
      '': '',
    };
    await store.create(key, record(fields, { owner: '\ud800' }));
    const found = await store.read(key);
    expect(found).toMatchObject({ fields, owner: '\ud800' });
    expect(await keysOf(store, '\ud800')).toEqual([key]);
    expect(await keysOf(store, '\ud801')).toEqual([]);
    expect(await store.update(key, change({ expect: { '\ud801': '"\udfff"' }, unset: ['\ud800'] }))).toBe('applied');
    const { '\ud800': _removed, ...rest } = fields;
    expect(await store.read(key)).toMatchObject({ fields: rest });
  });

  it('texts of any length and any characters are changed, compared and removed, in a small session and in a long one', async () => {
    const text = (length: number) => JSON.stringify('ü€😀x'.repeat(30_000).slice(0, length));
    for (const length of [0, 10, 200, 1000, 1500, 5000, 70_000]) {
      const key = newKey();
      const fields = { 'ä/"\\': text(length), b: 'x'.repeat(length), c: '1' };
      const name = 'ä/"\\';
      expect(await store.create(key, record(fields))).toBe(true);
      expect(await store.read(key)).toMatchObject({ fields });
      for (const next of [length + 1, length + 65, length + 3000, 5, 70_000, length, 0, length]) {
        const before = (await fieldsOf(key))[name];
        const wrong = { expect: { [name]: `${before} ` }, set: { [name]: '1' } };
        expect(await store.update(key, change(wrong))).toBe('conflict');
        const right =
          next % 2 === 0 ? { set: { [name]: text(next) } } : { revise: { [name]: text(next), d: text(next) } };
        expect(await store.update(key, change({ expect: { [name]: before }, ...right }))).toBe('applied');
        expect(await fieldsOf(key)).toEqual({ ...fields, [name]: text(next) });
        expect(await store.update(key, change({ set: { c: '12345', e: text(7) } }))).toBe('applied');
        expect(await fieldsOf(key)).toEqual({ ...fields, [name]: text(next), c: '12345', e: text(7) });
        expect(await store.update(key, change({ set: { c: '1' }, unset: ['e'] }))).toBe('applied');
        expect(await store.update(key, change())).toBe('applied');
        expect(await fieldsOf(key)).toEqual({ ...fields, [name]: text(next) });
      }
      expect(await store.update(key, change({ unset: [name, 'b', 'c'] }))).toBe('applied');
      expect(await fieldsOf(key)).toEqual({});
    }
  });

  it('a small change of a long session is written where it lies, and only it goes to replicas', async () => {
    const key = newKey();
    await store.create(key, record({ views: '1', cart: JSON.stringify('x'.repeat(60_000)) }));
    const monitor = await new Redis(server.port).monitor();
    const written: string[][] = [];
    monitor.on('monitor', (_time: string, words: string[]) => {
      if (/^set/i.test(words[0] ?? '')) written.push(words);
    });
    for (let views = 2; views < 1200; views++) await store.update(key, change({ set: { views: String(views) } }));
    await until(async () => written.length > 1190);
    monitor.disconnect();
    expect(await fieldsOf(key)).toEqual({ views: '1199', cart: JSON.stringify('x'.repeat(60_000)) });
    const whole = written.filter(([name]) => name?.toLowerCase() === 'set');
    const bytes = written.flat().reduce((sum, word) => sum + word.length, 0);
    // The first makes the room that the later ones need.
    expect(whole.length).toBe(1);
    expect(bytes).toBeLessThan(1_000_000);
  });

  it('what a long session lost is not left behind', async () => {
    const key = newKey();
    await store.create(key, record({ cart: JSON.stringify('x'.repeat(60_000)), secret: '"canary-1"', views: '1' }));
    await store.update(key, change({ set: { views: '2' } }));
    await store.update(key, change({ set: { other: '"canary-2"' } }));
    await store.update(key, change({ unset: ['secret', 'other'] }));
    expect(await server.admin.get(prefix + key)).not.toContain('canary');
    expect(Object.keys(await fieldsOf(key))).toEqual(['cart', 'views']);
  });

  it('a session of 1000 keys is created, changed and removed whole', async () => {
    const key = newKey();
    const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`key${at}`, String(at)]));
    expect(await store.create(key, record(fields))).toBe(true);
    const changed = Object.fromEntries(Object.keys(fields).map((name) => [name, '"changed"']));
    expect(await store.update(key, change({ revise: changed, expect: fields }))).toBe('applied');
    const more = Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`more${at}`, '1']));
    expect(await store.update(key, change({ set: more, unset: Object.keys(fields) }))).toBe('applied');
    expect(await store.read(key)).toMatchObject({ fields: more });
    expect((await store.destroy(key))?.fields).toEqual(more);
  });

  it('the token of one writer at a time is all that is kept of its writes', async () => {
    const key = newKey();
    await store.create(key, record({ views: '1' }));
    for (let views = 2; views < 20; views++) await store.update(key, change({ set: { views: String(views) } }));
    expect(await server.admin.get(prefix + key)).toMatch(/^1 [\da-f]{8} \d+ \d+ \d+ \S{11} \[0,0,"views",2\]\n19$/);
  });

  it('the last writes of writers are remembered, and a written session takes no more memory than a new one', async () => {
    const key = newKey();
    const fields = { userId: '"u1"', views: '1', profile: 'x'.repeat(200) };
    await store.create(key, record(fields));
    const others = Array.from({ length: 8 }, () => redisStore({ url: server.url, prefix }));
    for (let round = 0; round < 3; round++) {
      for (const other of others) await other.update(key, change({ set: { views: String(round) } }));
    }
    const [tokens = ''] = /\S+(?= \[)/.exec((await server.admin.get(prefix + key)) ?? '') ?? [];
    // One of the creator, too.
    expect(tokens.length).toBe(5 * 11 + 4 * 14);
    // Redis doubles what grows in place: a counter must not take the memory of two sessions.
    const bytes = Number(await server.admin.memory('USAGE', prefix + key));
    expect(bytes).toBeLessThan(((await server.admin.strlen(prefix + key)) + 150) * 1.3);
    for (const other of others) await other.close();
  });

  it('more writers than five are remembered for as long as their writes can come again, and then no more', async () => {
    const key = newKey();
    await store.create(key, record());
    const others = Array.from({ length: 8 }, () => redisStore({ url: server.url, prefix }));
    for (const other of [...others, ...others]) await other.update(key, change());
    const line = async () => (await server.admin.get(prefix + key)) ?? '';
    const tokensOf = (stored: string) => /\S+(?= \[)/.exec(stored)?.[0] ?? '';
    const stored = await line();
    // Five of 11, and four of 14: they have a time.
    expect(tokensOf(stored)).toMatch(/^\S{55}(\S{11}\d{3}){4}$/);
    expect(await store.read(key)).toMatchObject({ fields: {} });
    // As if that time had come.
    const past = String((Math.floor(Date.now() / 1000) - 1) % 1000).padStart(3, '0');
    const aged = tokensOf(stored).replaceAll(/(?<=^\S{55}(?:\S{14})*\S{11})\d{3}/g, past);
    await server.admin.set(prefix + key, stored.replace(tokensOf(stored), aged), 'KEEPTTL');
    expect(await store.update(key, change())).toBe('applied');
    expect(tokensOf(await line()).length).toBeLessThanOrEqual(69);
    expect(await others[0]?.update(key, change())).toBe('applied');
    expect(await server.admin.pttl(prefix + key)).toBeGreaterThan(590_000);
    for (const other of others) await other.close();
  });

  it('a key that lost its expiry gets it back with the next touch', async () => {
    const key = newKey();
    await store.create(key, record());
    await server.admin.persist(prefix + key);
    expect(await store.update(key, change())).toBe('applied');
    expect(await server.admin.pttl(prefix + key)).toBeGreaterThan(590_000);
  });

  it('skewed clocks of hosts change nothing: the deadline is the time to live, by the server', async () => {
    const key = newKey();
    const behind = Date.now() - 86_400_000;
    await store.create(key, record({}, { createdAt: behind, touchedAt: behind, expiresAt: behind + 60_000 }));
    expect(await server.admin.pttl(prefix + key)).toBeGreaterThan(59_000);
    expect(await store.read(key)).toMatchObject({ expiresAt: behind + 60_000 });
  });

  it('index entries expire, and what outlived its time goes when the owner logs in again', async () => {
    const index = indexOf('u1');
    const [old, key] = [newKey(), newKey()];
    await store.create(key, record({}, { owner: 'u1' }));
    const expiry = await server.admin.pttl(index);
    expect(expiry).toBeGreaterThan(5 * 3_500_000);
    const [, score = '0'] = await server.admin.zrange(index, '0', '-1', 'WITHSCORES');
    // As if written for 60 minutes, two hours ago.
    await server.admin.zadd(index, (Math.floor(Number(score) / 2 ** 20) - 6 * 3600 - 60) * 2 ** 20 + 60, old);
    expect(await keysOf(store, 'u1')).toContain(old);
    await store.create(newKey(), record({}, { owner: 'u1' }));
    expect(await keysOf(store, 'u1')).not.toContain(old);
    expect(await keysOf(store, 'u1')).toContain(key);
  });

  it('entries are forgotten that are older than a minute by the server, and no younger ones', async () => {
    const [old, young] = [newKey(), newKey()];
    await store.create(young, record({}, { owner: 'u1' }));
    const index = indexOf('u1');
    const seconds = Math.floor(Date.now() / 1000);
    await server.admin.zadd(index, (seconds - 62 + 300 * 60) * 2 ** 20 + 300, old);
    await forget(store, 'u1', [old, young, newKey()]);
    expect(await keysOf(store, 'u1')).toEqual([young]);
  });
});

describe('a record that is not ours', () => {
  const damages: Record<string, (name: string) => Promise<unknown>> = {
    'a text': (name) => server.admin.set(name, '{}'),
    'a list': (name) => server.admin.rpush(name, 'a'),
    'a sorted set': (name) => server.admin.zadd(name, 1, 'a'),
    'a foreign hash': (name) => server.admin.hset(name, 'user', '1'),
    'an empty text': (name) => server.admin.set(name, ''),
    'version 0': (name) => server.admin.set(name, '0 a'),
    'version 01': (name) => server.admin.set(name, '01 a'),
    'version -1': (name) => server.admin.set(name, '-1 a'),
    'version 1.5': (name) => server.admin.set(name, '1.5 a'),
    'no version': (name) => server.admin.set(name, ' a'),
    'nothing but a version': (name) => server.admin.set(name, '1 '),
    'no times': (name) => plantHead(name, '[0,0]'),
    'two times': (name) => plantHead(name, '1 2 abcdefghijk [0,0]'),
    'four times': (name) => plantHead(name, '1 2 3 4 abcdefghijk [0,0]'),
    'a time of letters': (name) => plantHead(name, '1 soon 3 abcdefghijk [0,0]'),
    'an endless time': (name) => plantHead(name, '1 1e999 3 abcdefghijk [0,0]'),
    'no write token': (name) => plantHead(name, '1 2 3 [0,0]'),
    'half a write token': (name) => plantHead(name, '1 2 3 abcdef [0,0]'),
    'a sixth write token without its time': (name) => plantHead(name, `1 2 3 ${'abcdefghijk'.repeat(6)} [0,0]`),
    'a list cut short': (name) => plantHead(name, '1 2 3 abcdefghijk [0,0,"a"'),
    'no list': (name) => plantHead(name, '1 2 3 abcdefghijk {}'),
    'a list without its first items': (name) => plantHead(name, '1 2 3 abcdefghijk []'),
    'a name that is a number': (name) => plantHead(name, '1 2 3 abcdefghijk [0,0,7,0]'),
    'a length that is a text': (name) => plantHead(name, '1 2 3 abcdefghijk [0,0,"a","0"]'),
    'a length below zero': (name) => plantHead(name, '1 2 3 abcdefghijk [0,0,"a",-1,1]'),
    'a length with a fraction': (name) => plantHead(name, '1 2 3 abcdefghijk [0,0,"a",0.5,0.5]'),
    'texts that are cut off': (name) => whole(name).then(() => cutOff(name)),
    'texts that are too long': (name) => whole(name).then(() => server.admin.append(name, 'x')),
    'a long one that is cut off': (name) => whole(name, 'x'.repeat(10_000)).then(() => cutOff(name)),
    'no line feed': (name) => whole(name, 'x'.repeat(10_000)).then(() => replaced(name, '\n', ' ')),
    'settings cut short': (name) => plantHead(name, String.raw`1 2 3 abcdefghijk [0,"{\"idle"]`),
    'settings that are a number': (name) => plantHead(name, '1 2 3 abcdefghijk [0,"1"]'),
    'settings that are a list': (name) => plantHead(name, '1 2 3 abcdefghijk [0,"[]"]'),
    'settings that are NaN': (name) => plantHead(name, String.raw`1 2 3 abcdefghijk [0,"{\"idleTimeoutMs\":NaN}"]`),
    'settings in base 16': (name) => plantHead(name, String.raw`1 2 3 abcdefghijk [0,"{\"idleTimeoutMs\":0x10}"]`),
    'a time in base 16': (name) => plantHead(name, '1 0x1p4 3 abcdefghijk [0,0]'),
    'a length in base 16': (name) => plantHead(name, '1 2 3 abcdefghijk [0,0,"a",0x3]', '"x"'),
    'a length that begins with 0': (name) => plantHead(name, '1 2 3 abcdefghijk [0,0,"a",003]', '"x"'),
    'a length that is NaN': (name) => plantHead(name, '1 2 3 abcdefghijk [0,0,"a",NaN]'),
    'an owner that is NaN': (name) => plantHead(name, '1 2 3 abcdefghijk [NaN,0]'),
    'an owner that is no JSON behind NUL': (name) => plantHead(name, String.raw`1 2 3 abcdefghijk ["\u0000u1",0]`),
    'a name that is no JSON behind NUL': (name) =>
      plantHead(name, String.raw`1 2 3 abcdefghijk [0,0,"\u0000\"a",3]`, '"x"'),
    'a text that is no JSON behind NUL': (name) => plantHead(name, '1 2 3 abcdefghijk [0,0,"a",3]', '\0x"'),
    'a text with a quote too many behind NUL': (name) => plantHead(name, '1 2 3 abcdefghijk [0,0,"a",5]', '\0"x""'),
    'a text with half an escape behind NUL': (name) => plantHead(name, '1 2 3 abcdefghijk [0,0,"a",6]', '\0"\\u1"'),
    "another session's record": (name) => server.admin.set(name, '1 00000000 1 2 3 abcdefghijk [0,0]\n'),
    "another session's end marker": (name) => server.admin.set(name, '1 00000000 - abcdefghijk'),
  };

  async function whole(name: string, text = '1'): Promise<void> {
    await store.create(name.slice(prefix.length), record({ a: text }));
  }

  async function replaced(name: string, from: string, to: string): Promise<void> {
    await server.admin.set(name, ((await server.admin.get(name)) ?? '').replace(from, to));
  }

  async function cutOff(name: string): Promise<void> {
    await server.admin.set(name, ((await server.admin.get(name)) ?? '').slice(0, -1));
  }

  async function plantHead(name: string, head: string, texts = ''): Promise<void> {
    await server.admin.set(name, `1 ${name.slice(prefix.length, prefix.length + 8)} ${head}\n${texts}`);
  }

  it('control: a record that was planted whole is read', async () => {
    const key = newKey();
    await plantHead(prefix + key, '1 2 3 abcdefghijk ["u1","{\\"persistent\\":true}"]');
    expect(await store.read(key)).toEqual({
      fields: {},
      createdAt: 1,
      touchedAt: 3,
      expiresAt: 6,
      owner: 'u1',
      settings: { persistent: true },
    });
    expect(await store.update(key, change())).toBe('applied');
  });

  for (const [what, plant] of Object.entries(damages)) {
    it(`${what} is corrupt for every verb, and stays`, async () => {
      const key = newKey();
      await plant(prefix + key);
      const before = await server.admin.dumpBuffer(prefix + key);
      const corrupt = { code: 'STORE_CORRUPT' };
      await expect(store.read(key)).rejects.toMatchObject(corrupt);
      await expect(store.create(key, record())).rejects.toMatchObject(corrupt);
      await expect(store.update(key, change({ set: { a: '2' } }))).rejects.toMatchObject(corrupt);
      await expect(store.destroy(key, { endMarkerMs: 1000 })).rejects.toMatchObject(corrupt);
      expect(await server.admin.dumpBuffer(prefix + key)).toEqual(before);
    });
  }

  it('a text that is no JSON behind NUL, far behind the first line, is not destroyed either', async () => {
    const key = newKey();
    const long = JSON.stringify('x'.repeat(10_000));
    await plantHead(prefix + key, `1 2 3 abcdefghijk [0,0,"long",${long.length},"a",3]`, `${long}\0x"`);
    const before = await server.admin.dumpBuffer(prefix + key);
    await expect(store.read(key)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    await expect(store.destroy(key)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(await server.admin.dumpBuffer(prefix + key)).toEqual(before);
  });

  it('control: texts that UTF-8 cannot hold, and all that JSON escapes, are no damage', async () => {
    const text = '\0 "\\/\b\f\n\r\t\u007F\u001B\uD800 é 👤';
    const key = newKey();
    const fields = { [text]: text, long: 'x'.repeat(10_000), [`${text}2`]: text };
    await store.create(key, record(fields, { owner: text }));
    expect(await store.update(key, change({ set: { a: '1' }, expect: { [text]: text } }))).toBe('applied');
    expect(await store.update(key, change({ owner: text + text, settings: { persistent: false } }))).toBe('applied');
    expect(await store.update(key, change({ unset: ['long'] }))).toBe('applied');
    const expected = { fields: { [text]: text, [`${text}2`]: text, a: '1' }, owner: text + text };
    expect(await store.read(key)).toMatchObject(expected);
    expect(await store.destroy(key)).toMatchObject(expected);
  });

  it('control: times that are no whole numbers are kept', async () => {
    const key = newKey();
    await store.create(key, record({}, { createdAt: 0.1, touchedAt: 1e-7, expiresAt: 1e22 }));
    expect(await store.update(key, { touchedAt: 0, expiresAt: 10 })).toBe('applied');
    expect(await store.read(key)).toMatchObject({ createdAt: 0.1, expiresAt: 1e22 });
  });

  for (const version of ['2', '999', '9007199254740993']) {
    it(`version ${version} is too new for every verb, and stays`, async () => {
      const key = newKey();
      await server.admin.set(prefix + key, `${version} new shape`);
      const before = await server.admin.dumpBuffer(prefix + key);
      const tooNew = { code: 'STORE_TOO_NEW' };
      await expect(store.read(key)).rejects.toMatchObject(tooNew);
      await expect(store.create(key, record())).rejects.toMatchObject(tooNew);
      await expect(store.update(key, change())).rejects.toMatchObject(tooNew);
      await expect(store.destroy(key)).rejects.toMatchObject(tooNew);
      expect(await server.admin.dumpBuffer(prefix + key)).toEqual(before);
    });
  }
});
