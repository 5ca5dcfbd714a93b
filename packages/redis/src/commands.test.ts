import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FaultProxy, startProxy } from '../test/fault-proxy.ts';
import { type TestServer, startServer, until } from '../test/redis-server.ts';
import {
  by,
  changed,
  forget,
  keysOf,
  newKey,
  newPrefix,
  outcomeOf,
  record,
  sessionOf,
  stored,
  update,
} from '@sess/store-tests/internal';
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
  await store.create(key, record({}, { owner: 'probe' }), by());
  await update(store, key);
  await store.destroy(key, {}, by());
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
  await Promise.all(keys.map((key) => own.create(key, record({ a: '1' }), by())));
  const single = vi.spyOn(client.stream, '_write');
  const several = vi.spyOn(client.stream, '_writev');
  proxy.forget();
  expect(await Promise.all(keys.map((key) => own.read(key, by())))).toHaveLength(20);
  expect(names()).toEqual(keys.map(() => 'get'));
  expect([single, several].map(({ mock }) => mock.calls.length)).toEqual([0, 1]);
  await own.close();
  await client.quit();
});

describe('what goes over the wire', () => {
  it('a read is one GET, and one command more where there is no session', async () => {
    const key = newKey();
    await store.create(key, record({ a: '1' }), by());
    proxy.forget();
    await store.read(key, by());
    expect(names()).toEqual(['get']);
    await store.destroy(key, { endMarkerMs: 60_000 }, by());
    proxy.forget();
    expect(await store.read(key, by())).toEqual({ ended: true });
    expect(names()).toEqual(['get']);
    proxy.forget();
    expect(await store.read(newKey(), by())).toBeUndefined();
    expect(names()).toEqual(['get', 'getex']);
  });

  it('a create is one SET; a replace, a touch and a destroy are one EVALSHA each', async () => {
    const key = newKey();
    await store.create(key, record({ a: '1' }), by());
    const before = sessionOf(await store.read(key, by()));
    proxy.forget();
    const first = await store.replace(key, before.version, changed(before.record, { a: '2' }), by());
    if (first.verdict !== 'replaced') throw new Error(first.verdict);
    const touched = changed(changed(before.record, { a: '2' }));
    expect(await store.replace(key, first.version, touched, by())).toMatchObject({ verdict: 'replaced' });
    await store.destroy(key, { endMarkerMs: 60_000 }, by());
    expect(names()).toEqual(['evalsha', 'evalsha', 'evalsha']);
    proxy.forget();
    await store.create(newKey(), record({ a: '1' }), by());
    expect(names()).toEqual(['set']);
  });

  it('a replace that meets another version is told what is stored by the same command', async () => {
    const key = newKey();
    await store.create(key, record({ a: '1' }), by());
    const before = sessionOf(await store.read(key, by()));
    await update(store, key, { b: '1' });
    proxy.forget();
    const outcome = await store.replace(key, before.version, changed(before.record, { a: '2' }), by());
    expect(outcome).toMatchObject({ verdict: 'conflict', stored: { record: { fields: { a: '1', b: '1' } } } });
    expect(names()).toEqual(['evalsha']);
  });

  it('a login is four commands in three round trips', async () => {
    const anonymous = newKey();
    await store.create(anonymous, record({ cart: '[1]' }), by());
    proxy.forget();
    proxy.delayMs = 400;
    const begunAt = performance.now();
    await store.read(anonymous, by());
    expect(await store.create(newKey(), record({ userId: '"u1"' }, { owner: 'u1' }), by())).toBeDefined();
    await store.destroy(anonymous, { endMarkerMs: 60_000 }, by());
    const tookMs = performance.now() - begunAt;
    expect(names()).toEqual(['get', 'evalsha', 'set', 'evalsha']);
    expect(tookMs).toBeGreaterThan(1190);
    expect(tookMs).toBeLessThan(1590);
  });

  it('a counter in a session of 60 KB is written with less than 600 bytes, a touch with less than 500', async () => {
    const key = newKey();
    await store.create(key, record({ cart: JSON.stringify('x'.repeat(60_000)), views: '1' }), by());
    const before = sessionOf(await store.read(key, by()));
    expect(before.record.fields['cart']).toBeInstanceOf(Uint8Array);
    proxy.forget();
    const counted = changed(before.record, { views: '2' }, { writeIds: ['abcdefgh1'] });
    const outcome = await store.replace(key, before.version, counted, by());
    if (outcome.verdict !== 'replaced') throw new Error(outcome.verdict);
    expect(proxy.sentBytes).toBeLessThan(600);
    proxy.forget();
    await store.replace(key, outcome.version, changed(counted), by());
    expect(proxy.sentBytes).toBeLessThan(500);
    expect(await stored(store, key)).toMatchObject({ fields: { views: '2' }, writeIds: ['abcdefgh1'] });
  });

  it('commands of parallel requests share one round trip', async () => {
    const keys = Array.from({ length: 50 }, newKey);
    for (const key of keys) await store.create(key, record({ a: '1' }), by());
    proxy.forget();
    proxy.delayMs = 400;
    const begunAt = performance.now();
    await Promise.all(keys.map((key) => store.read(key, by())));
    expect(performance.now() - begunAt).toBeLessThan(790);
    expect(names()).toHaveLength(50);
  });

  it('a session that is used beyond the period of its index entry renews it: the only write that costs two', async () => {
    const key = newKey();
    // Periods are counted from the epoch: these two instants lie in the same one, the third in the next.
    const hour = 3_600_000;
    const start = Math.ceil(Date.now() / hour) * hour;
    const times = (touchedAt: number) => ({ touchedAt, expiresAt: touchedAt + hour / 2 });
    await store.create(key, record({}, { ...times(start), owner: 'u1' }), by());
    proxy.forget();
    await update(store, key, {}, times(start + hour - 1));
    expect(names()).toEqual(['get', 'evalsha']);
    proxy.forget();
    await update(store, key, {}, times(start + hour));
    await keysOf(store, 'u1');
    expect(names()).toEqual(['get', 'evalsha', 'evalsha', 'zscan', 'zrem']);
  });

  it('walking and listing by owner use SCAN and ZSCAN, never KEYS', async () => {
    const monitor = await server.admin.monitor();
    const seen: string[] = [];
    monitor.on('monitor', (_time: string, [name]: string[]) => seen.push(String(name).toLowerCase()));
    await store.create(newKey(), record({}, { owner: 'u1' }), by());
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
  it('a key is the prefix and the handle; fields of users cannot meet our own', async () => {
    const key = newKey();
    const fields = Object.fromEntries(
      ['m', 'k', 'x', 'o', 's', '-', '', ';1.a', '.', ']\n'].map((name) => [name, '"!"']),
    );
    await store.create(key, record(fields), by());
    expect(await stored(store, key)).toMatchObject({ fields });
    const none = Object.fromEntries(Object.keys(fields).map((name) => [name, undefined]));
    await update(store, key, none, { writeIds: ['a', 'b-_'] });
    expect(await stored(store, key)).toMatchObject({ fields: {}, writeIds: ['a', 'b-_'] });
    expect(await server.admin.get(prefix + key)).toMatch(
      /^1 [\da-f]{8} \S{11} 0 \[\d{13},\d{13},\d{13},"a b-_",0,0\]\n$/,
    );
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
      long: `\0${'x'.repeat(5000)}`,
      longer: `\ud800${'x'.repeat(5000)}`,
    };
    await store.create(key, record(fields, { owner: '\ud800' }), by());
    expect(await stored(store, key)).toMatchObject({ fields, owner: '\ud800' });
    expect(await keysOf(store, '\ud800')).toEqual([key]);
    expect(await keysOf(store, '\ud801')).toEqual([]);
    await update(store, key, { '\ud800': undefined });
    const { '\ud800': _removed, ...rest } = fields;
    expect(await stored(store, key)).toMatchObject({ fields: rest });
  });

  it('texts may be given as bytes, short and long, and texts that begin with NUL', async () => {
    const key = newKey();
    const texts = { short: '"ü"', long: JSON.stringify('ü'.repeat(4000)), nul: '\0a', empty: '' };
    const fields = Object.fromEntries(
      Object.entries(texts).map(([name, text]) => [name, new TextEncoder().encode(text)]),
    );
    await store.create(key, record(fields), by());
    expect(await stored(store, key)).toMatchObject({ fields: texts });
    const before = sessionOf(await store.read(key, by()));
    await store.replace(key, before.version, { ...before.record, fields: { ...fields, more: '1' } }, by());
    expect(await stored(store, key)).toMatchObject({ fields: { ...texts, more: '1' } });
  });

  it('texts of any length and any characters are changed and removed, in a small session and in a long one', async () => {
    const text = (length: number) => JSON.stringify('ü€😀x'.repeat(30_000).slice(0, length));
    const name = 'ä/"\\';
    for (const length of [0, 10, 200, 1000, 1500, 5000, 70_000]) {
      const key = newKey();
      const fields = { [name]: text(length), b: 'x'.repeat(length), c: '1' };
      expect(await store.create(key, record(fields), by())).toBeDefined();
      for (const next of [length + 1, length + 65, length + 3000, 5, 70_000, length, 0, length]) {
        await update(store, key, { [name]: text(next) });
        expect(await stored(store, key)).toMatchObject({ fields: { ...fields, [name]: text(next) } });
        await update(store, key, { c: '12345', e: text(7) });
        const more = { ...fields, [name]: text(next), c: '12345', e: text(7) };
        expect(await stored(store, key)).toMatchObject({ fields: more });
        await update(store, key, { c: '1', e: undefined });
        await update(store, key);
        expect((await stored(store, key)) as unknown).toHaveProperty('fields', { ...fields, [name]: text(next) });
      }
      await update(store, key, { [name]: undefined, b: undefined, c: undefined });
      expect((await stored(store, key)) as unknown).toHaveProperty('fields', {});
    }
  });

  it('a small change of a long session is written where it lies, and only it goes to replicas', async () => {
    const key = newKey();
    const cart = JSON.stringify('x'.repeat(60_000));
    await store.create(key, record({ views: '1', cart }), by());
    const monitor = await server.admin.monitor();
    const written: string[][] = [];
    monitor.on('monitor', (_time: string, words: string[]) => {
      if (/^set/i.test(words[0] ?? '')) written.push(words);
    });
    const writeIds = Array.from({ length: 12 }, (_, at) => `abcdefgh${at}`);
    for (let views = 2; views < 1200; views++)
      await update(store, key, { views: String(views) }, { writeIds: writeIds.slice(views % 12) });
    await until(async () => written.length > 2390);
    monitor.disconnect();
    expect(await stored(store, key)).toMatchObject({ fields: { views: '1199', cart } });
    const bytes = written.flat().reduce((sum, word) => sum + word.length, 0);
    expect(written.filter(([name]) => name?.toLowerCase() === 'set')).toEqual([]);
    expect(bytes).toBeLessThan(1_000_000);
  });

  it('a long text that changes and keeps its length is written where it lies, and no other', async () => {
    const key = newKey();
    const text = (letter: string) => JSON.stringify(letter.repeat(30_000));
    await store.create(key, record({ a: text('a'), b: text('b'), c: '1' }), by());
    const before = sessionOf(await store.read(key, by()));
    proxy.forget();
    await store.replace(key, before.version, changed(before.record, { b: text('c') }), by());
    expect(proxy.sentBytes).toBeLessThan(31_000);
    expect(await stored(store, key)).toMatchObject({ fields: { a: text('a'), b: text('c'), c: '1' } });
  });

  it('what a long session lost is not left behind', async () => {
    const key = newKey();
    const cart = JSON.stringify('x'.repeat(60_000));
    await store.create(key, record({ cart, secret: '"canary-1"', views: '1' }), by());
    await update(store, key, { views: '2' });
    await update(store, key, { other: '"canary-2"' });
    await update(store, key, { secret: undefined, other: undefined });
    expect(await server.admin.get(prefix + key)).not.toContain('canary');
    expect(await stored(store, key)).toMatchObject({ fields: { cart, views: '2' } });
  });

  it('a session of 1000 keys is created, changed and removed whole', async () => {
    const key = newKey();
    const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`key${at}`, String(at)]));
    await store.create(key, record(fields), by());
    const renamed = Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`more${at}`, '1']));
    const gone = Object.fromEntries(Object.keys(fields).map((name) => [name, undefined]));
    await update(store, key, Object.fromEntries(Object.keys(fields).map((name) => [name, '"changed"'])));
    await update(store, key, { ...gone, ...renamed });
    expect(await stored(store, key)).toMatchObject({ fields: renamed });
    expect(await store.destroy(key, {}, by())).toMatchObject({ fields: renamed });
  });

  it('a written session takes no more memory than a new one', async () => {
    const key = newKey();
    const fields = { userId: '"u1"', views: '1', profile: 'x'.repeat(200) };
    await store.create(key, record(fields), by());
    for (let views = 0; views < 24; views++) await update(store, key, { views: String(views) });
    // Redis doubles what grows in place: a counter must not take the memory of two sessions.
    const bytes = Number(await server.admin.memory('USAGE', prefix + key));
    expect(bytes).toBeLessThan(((await server.admin.strlen(prefix + key)) + 150) * 1.3);
  });

  it('a key that lost its expiry gets it back with the next touch', async () => {
    const key = newKey();
    await store.create(key, record(), by());
    await server.admin.persist(prefix + key);
    expect(await update(store, key)).toBe('replaced');
    expect(await server.admin.pttl(prefix + key)).toBeGreaterThan(590_000);
  });

  it('skewed clocks of hosts change nothing: the deadline is the time to live, by the server', async () => {
    const key = newKey();
    const behind = Date.now() - 86_400_000;
    await store.create(key, record({}, { createdAt: behind, touchedAt: behind, expiresAt: behind + 60_000 }), by());
    expect(await server.admin.pttl(prefix + key)).toBeGreaterThan(59_000);
    expect(await stored(store, key)).toMatchObject({ expiresAt: behind + 60_000 });
  });

  it('index entries expire, and what outlived its time goes when the owner logs in again', async () => {
    const index = indexOf('u1');
    const [old, key] = [newKey(), newKey()];
    await store.create(key, record({}, { owner: 'u1' }), by());
    const expiry = await server.admin.pttl(index);
    expect(expiry).toBeGreaterThan(5 * 3_500_000);
    const [, score = '0'] = await server.admin.zrange(index, '0', '-1', 'WITHSCORES');
    // As if written for 60 minutes, two hours ago.
    await server.admin.zadd(index, (Math.floor(Number(score) / 2 ** 20) - 6 * 3600 - 60) * 2 ** 20 + 60, old);
    expect(await keysOf(store, 'u1')).toContain(old);
    await store.create(newKey(), record({}, { owner: 'u1' }), by());
    expect(await keysOf(store, 'u1')).not.toContain(old);
    expect(await keysOf(store, 'u1')).toContain(key);
  });

  it('entries are forgotten that are older than a minute by the server, and no younger ones', async () => {
    const [old, young] = [newKey(), newKey()];
    await store.create(young, record({}, { owner: 'u1' }), by());
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
    'no name of its state': (name) => plant(name, '0 [1,2,3,"",0,0]\n'),
    'no size': (name) => plant(name, 'abcdefghijk [1,2,3,"",0,0]\n'),
    'a size of letters': (name) => plant(name, 'abcdefghijk x [1,2,3,"",0,0]\n'),
    'a size below zero': (name) => plant(name, 'abcdefghijk -1 [1,2,3,"",0,0]\n'),
    'texts that are cut off': (name) => whole(name).then(() => cutOff(name)),
    'texts that are too long': (name) => whole(name).then(() => server.admin.append(name, 'x')),
    'a long one that is cut off': (name) => whole(name, 'x'.repeat(10_000)).then(() => cutOff(name)),
    'no line feed': (name) => whole(name, 'x'.repeat(10_000)).then(() => replaced(name, '\n', ' ')),
    'no list': (name) => plant(name, 'abcdefghijk 0 {}\n'),
    'an end marker without a name': (name) => plant(name, '- '),
    'an end marker with half a successor': (name) => plant(name, '- abcdefghijk rotated abc'),
    'an end marker with a successor of another kind': (name) => plant(name, `- abcdefghijk moved ${'a'.repeat(64)}`),
    "another session's record": (name) => server.admin.set(name, '1 00000000 abcdefghijk 0 [1,2,3,"",0,0]\n'),
    "another session's end marker": (name) => server.admin.set(name, '1 00000000 - abcdefghijk'),
  };

  /** Only a foreign hand makes these: a first line of the right shape whose list is not one of ours. */
  const garbled: Record<string, string> = {
    'half a name of its state': 'abcdef 3 [1,2,3,"",0,0,"a",3]',
    'a list cut short': '[1,2,3,"",0,0,"a"',
    'a list without its last items': '[1,2,3,""]',
    'a time of letters': '[1,"soon",3,"",0,0]',
    'a time that is no number': '[1,null,3,"",0,0]',
    'an owner that is NaN': '[1,2,3,"",NaN,0]',
    'write ids that are a number': '[1,2,3,4,0,0]',
    'settings that are a text': '[1,2,3,"",0,"{}"]',
    'settings that are a list': '[1,2,3,"",0,[]]',
    'a name that is a number': '[1,2,3,"",0,0,7,0]',
    'a name without a length': '[1,2,3,"",0,0,"a"]',
    'a length that is a text': '[1,2,3,"",0,0,"a","0"]',
    'a length below zero': '[1,2,3,"",0,0,"a",-1]',
    'a length with a fraction': '[1,2,3,"",0,0,"a",0.5]',
    'a length in base 16': '[1,2,3,"",0,0,"a",0x3]',
    'a length of more than there is': '[1,2,3,"",0,0,"a",4]',
    'a length of much more than there is': '[1,2,3,"",0,0,"a",4000]',
  };

  async function whole(name: string, text = '1'): Promise<void> {
    await store.create(name.slice(prefix.length), record({ a: text }), by());
  }

  async function replaced(name: string, from: string, to: string): Promise<void> {
    await server.admin.set(name, ((await server.admin.get(name)) ?? '').replace(from, to));
  }

  async function cutOff(name: string): Promise<void> {
    await server.admin.set(name, ((await server.admin.get(name)) ?? '').slice(0, -1));
  }

  async function plant(name: string, rest: string): Promise<void> {
    await server.admin.set(name, `1 ${name.slice(prefix.length, prefix.length + 8)} ${rest}`);
  }

  /** What a worker holds that has read a session before the damage. */
  async function readBefore(key: string) {
    await store.create(key, record({ a: '1' }), by());
    const found = sessionOf(await store.read(key, by()));
    await server.admin.del(prefix + key);
    return found;
  }

  it('control: a record that was planted whole is read', async () => {
    const key = newKey();
    await plant(prefix + key, 'abcdefghijk 5 [1,3,6,"w1 w2","u1",{"persistent":true},"a",3]  \n"x"  ');
    const read = { createdAt: 1, touchedAt: 3, expiresAt: 6, owner: 'u1', settings: { persistent: true } };
    expect(await stored(store, key)).toEqual({ ...read, fields: { a: '"x"' }, writeIds: ['w1', 'w2'] });
    expect(await update(store, key)).toBe('replaced');
  });

  for (const [what, damage] of Object.entries(damages)) {
    it(`${what} is corrupt for every verb, and stays`, async () => {
      const key = newKey();
      const { version, record: held } = await readBefore(key);
      await damage(prefix + key);
      const before = await server.admin.dumpBuffer(prefix + key);
      const corrupt = { code: 'STORE_CORRUPT' };
      await expect(store.read(key, by())).rejects.toMatchObject(corrupt);
      await expect(store.create(key, record(), by())).rejects.toMatchObject(corrupt);
      await expect(store.replace(key, version, held, by())).rejects.toMatchObject(corrupt);
      await expect(store.destroy(key, { endMarkerMs: 1000 }, by())).rejects.toMatchObject(corrupt);
      expect(await server.admin.dumpBuffer(prefix + key)).toEqual(before);
    });
  }

  for (const [what, list] of Object.entries(garbled)) {
    it(`${what} is corrupt for every verb; a destroy says whether it has removed it`, async () => {
      const key = newKey();
      const { version, record: held } = await readBefore(key);
      await plant(prefix + key, `${list.startsWith('[') ? 'abcdefghijk 3 ' : ''}${list}\n"x"`);
      const before = await server.admin.dumpBuffer(prefix + key);
      const corrupt = { code: 'STORE_CORRUPT' };
      await expect(store.read(key, by())).rejects.toMatchObject(corrupt);
      await expect(store.create(key, record(), by())).rejects.toMatchObject(corrupt);
      await expect(store.replace(key, version, held, by())).rejects.toMatchObject(corrupt);
      expect(await server.admin.dumpBuffer(prefix + key)).toEqual(before);
      // A script looks at its size alone.
      const { code, error } = await outcomeOf(() => store.destroy(key, {}, by()));
      expect(code).toBe('STORE_CORRUPT');
      const isLeft = (await server.admin.exists(prefix + key)) === 1;
      expect(error?.message).toContain(isLeft ? 'was left alone' : 'was destroyed');
    });
  }

  it('a text that is no JSON after NUL is corrupt', async () => {
    const key = newKey();
    const read = async (text: string) => {
      await plant(prefix + key, `abcdefghijk ${text.length} [1,2,3,"",0,0,"a",${text.length}]\n${text}`);
      return outcomeOf(() => stored(store, key));
    };
    expect((await read('\0x"')).code).toBe('STORE_CORRUPT');
    expect((await read(`\0${'x'.repeat(2000)}`)).code).toBe('STORE_CORRUPT');
    expect((await read('\0""')).value).toMatchObject({ fields: { a: '' } });
  });

  it('control: texts that UTF-8 cannot hold, and all that JSON escapes, are no damage', async () => {
    const text = '\0 "\\/\b\f\n\r\t\u007F\u001B\uD800 é 👤';
    const key = newKey();
    const fields = { [text]: text, long: 'x'.repeat(10_000), [`${text}2`]: text };
    await store.create(key, record(fields, { owner: text }), by());
    await update(store, key, { a: '1' });
    await update(store, key, {}, { owner: text + text, settings: { persistent: false } });
    await update(store, key, { long: undefined });
    const expected = { fields: { [text]: text, [`${text}2`]: text, a: '1' }, owner: text + text };
    expect(await stored(store, key)).toMatchObject(expected);
    expect(await store.destroy(key, {}, by())).toMatchObject(expected);
  });

  it('control: times that are no whole numbers are kept', async () => {
    const key = newKey();
    const times = { createdAt: 0.1, touchedAt: 1e-7, expiresAt: 1e22 };
    await store.create(key, record({}, times), by());
    expect(await stored(store, key)).toMatchObject(times);
  });

  for (const version of ['2', '999', '9007199254740993']) {
    it(`version ${version} is too new for every verb, and stays`, async () => {
      const key = newKey();
      const { version: held, record: read } = await readBefore(key);
      await server.admin.set(prefix + key, `${version} new shape`);
      const before = await server.admin.dumpBuffer(prefix + key);
      const tooNew = { code: 'STORE_TOO_NEW' };
      await expect(store.read(key, by())).rejects.toMatchObject(tooNew);
      await expect(store.create(key, record(), by())).rejects.toMatchObject(tooNew);
      await expect(store.replace(key, held, read, by())).rejects.toMatchObject(tooNew);
      await expect(store.destroy(key, {}, by())).rejects.toMatchObject(tooNew);
      expect(await server.admin.dumpBuffer(prefix + key)).toEqual(before);
    });
  }

  it('a version that no store of this package has answered is refused before anything is sent', async () => {
    proxy.forget();
    for (const version of [undefined, 'q8Zr1A00001', {}])
      await expect(store.replace(newKey(), version, record(), by())).rejects.toThrow(TypeError);
    expect(names()).toEqual([]);
  });
});
