import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { isSessError } from '@sess/core';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type TestServer, freePort, startServer, until } from '../test/redis-server.ts';
import { by, forget, keysOf, newKey, newPrefix, outcomeOf, record, stored, update } from '@sess/store-tests/internal';
import { redisStore } from './index.ts';
import { parseRedisUrl } from './connection/redis-url.ts';

const secret = 'canary-pa55w0rd';

describe('bad options are refused at construction', () => {
  const lazy = { lazyConnect: true };
  const url = 'redis://127.0.0.1:6379';
  const cases: [what: string, options: unknown, named: string][] = [
    ['nothing', undefined, 'url'],
    ['null', null, 'url'],
    ['a text instead of options', `redis://:${secret}@h`, 'url'],
    ['neither url nor client', {}, 'client'],
    ['both url and client', { url, client: new Redis(lazy) }, 'client'],
    ['an option that does not exist', { url, ttl: 60 }, '"ttl"'],
    ['a misspelt option', { url, prefx: 'a:' }, '"prefx"'],
    ['a url that is a client', { url: new Redis(lazy) }, 'url'],
    ['an empty url', { url: '' }, 'url'],
    ['a url without a scheme', { url: 'localhost:6379' }, 'url'],
    ['a url of another kind', { url: `http://u:${secret}@h` }, 'url'],
    ['a url without a host', { url: `redis://:${secret}@` }, 'url'],
    ['a port of letters', { url: `redis://u:${secret}@h:port` }, 'url'],
    ['a port too high', { url: `redis://u:${secret}@h:65536` }, 'url'],
    ['a database of letters', { url: `redis://u:${secret}@h/name` }, 'url'],
    ['a negative database', { url: 'redis://h/-1' }, 'url'],
    ['an unknown parameter', { url: `redis://u:${secret}@h?tls=${secret}` }, 'sentinelUsername'],
    ['a ? in a password that is not encoded', { url: `redis://app:12?${secret}&3@h:6379/0` }, '? as %3F'],
    ['another, with Sentinel', { url: `redis+sentinel://app:7?${secret}@h/m` }, 'url'],
    ['broken percent-encoding', { url: `redis://u:%zz${secret}@h` }, 'url'],
    ['several hosts without a topology', { url: `redis://u:${secret}@h1,h2` }, 'url'],
    ['a sentinel without a master', { url: `redis+sentinel://u:${secret}@h1,h2` }, 'url'],
    ['a url in quotes', { url: '"redis://h"' }, 'leave the marks out'],
    ['a password that is not encoded', { url: `redis://:p@ss/w#rd${secret}@h` }, '# as %23'],
    ['another one', { url: `redis://:p@ss/word${secret}@h` }, '/ as %2F'],
    ['a cluster with a database', { url: 'redis+cluster://h1,h2/3' }, 'url'],
    ['an unknown topology', { url: 'redis+srv://h1' }, 'url'],
    ['tls without TLS', { url, tls: {} }, 'tls'],
    ['tls with a client', { client: new Redis(lazy), tls: {} }, 'tls'],
    ['a text where a client belongs', { client: `redis://u:${secret}@h` }, '"client"'],
    ['an object that is no client', { client: { get() {}, set() {} } }, '"client"'],
    [
      'a client of node-redis',
      { client: { hGetAll() {}, evalSha() {}, duplicate() {}, on() {}, isOpen: false } },
      '"client"',
    ],
    ['a client that reads from replicas (readOnly)', { client: new Redis({ ...lazy, readOnly: true }) }, '"client"'],
    [
      'a client that reads from replicas (Sentinel)',
      { client: new Redis({ ...lazy, sentinels: [{ host: 'h', port: 1 }], name: 'm', role: 'slave' }) },
      '"client"',
    ],
    [
      'a client that reads from replicas (Cluster)',
      { client: new Cluster([], { ...lazy, scaleReads: 'slave' }) },
      '"client"',
    ],
    ['a client that reads from all', { client: new Cluster([], { ...lazy, scaleReads: 'all' }) }, '"client"'],
    ['an empty prefix', { url, prefix: '' }, '"prefix"'],
    ['a prefix that is a pattern', { url, prefix: 'session*' }, '"prefix"'],
    ['a prefix with a class', { url, prefix: 'a[b]:' }, '"prefix"'],
    ['a prefix with a space', { url, prefix: 'a b' }, '"prefix"'],
    ['a prefix that is no text', { url, prefix: 7 }, '"prefix"'],
    ['an unknown durability', { url, durability: 'fsync' }, '"durability"'],
    ['replicated on a cluster url', { url: 'redis+cluster://h', durability: 'replicated' }, '"durability"'],
    ['replicated on a cluster client', { client: new Cluster([], lazy), durability: 'replicated' }, '"durability"'],
    ['no replicas', { url, replicas: 0 }, '"replicas"'],
    ['a timeout of nothing', { url, timeoutMs: 0 }, '"timeoutMs"'],
    ['an endless timeout', { url, timeoutMs: Number.POSITIVE_INFINITY }, '"timeoutMs"'],
  ];

  for (const [what, options, named] of cases) {
    it(`${what}`, () => {
      let thrown: unknown;
      try {
        Reflect.apply(redisStore, undefined, [options]);
      } catch (error) {
        thrown = error;
      }
      expect(isSessError(thrown) && thrown.code).toBe('CONFIG_INVALID');
      const shown = inspect(thrown, { depth: 9, showHidden: true });
      expect(shown).toContain(named);
      expect(shown).not.toContain(secret);
    });
  }
});

describe('a url', () => {
  it('names one server, TLS, user, password and database', () => {
    expect(parseRedisUrl('redis://example.org')).toEqual({
      topology: 'single',
      hosts: [{ host: 'example.org', port: 6379 }],
      isTls: false,
      db: 0,
    });
    expect(parseRedisUrl('rediss://u%40x:p%3A@w@[::1]:7000/3')).toEqual({
      topology: 'single',
      hosts: [{ host: '::1', port: 7000 }],
      isTls: true,
      db: 3,
      username: 'u@x',
      password: 'p:@w',
    });
    expect(parseRedisUrl('redis://:only@h/')).toMatchObject({ password: 'only', db: 0 });
    expect(parseRedisUrl('redis://:only@h/')).not.toHaveProperty('username');
  });

  it('names sentinels, their master and credentials of either', () => {
    expect(parseRedisUrl('redis+sentinel://u:p@h1,h2:26380/mymaster/2?sentinelPassword=s%20p')).toEqual({
      topology: 'sentinel',
      hosts: [
        { host: 'h1', port: 26379 },
        { host: 'h2', port: 26380 },
      ],
      isTls: false,
      db: 2,
      username: 'u',
      password: 'p',
      masterName: 'mymaster',
      sentinelPassword: 's p',
    });
  });

  it('names nodes of a cluster', () => {
    expect(parseRedisUrl('rediss+cluster://u:p@h1:7000,h2:7001')).toMatchObject({
      topology: 'cluster',
      isTls: true,
      db: 0,
    });
  });

  it('is described without its secrets, before and without a connection', () => {
    const shown = (url: string) => redisStore({ url, prefix: 'app:' }).describe();
    expect(shown(`redis://u:${secret}@127.0.0.1:6379/2`)).toEqual({
      name: 'redis',
      location: '127.0.0.1:6379/2, prefix "app:"',
      sharedBy: 'hosts',
    });
    expect(shown(`redis+sentinel://u:${secret}@h1,h2/m`).location).toBe(
      'sentinel h1:26379, h2:26379, master "m"/0, prefix "app:"',
    );
    expect(shown(`redis+cluster://u:${secret}@h1:1,h2:2`).location).toBe('cluster h1:1, h2:2, prefix "app:"');
    const client = new Redis({ host: 'h', port: 1, db: 4, password: secret, lazyConnect: true });
    expect(redisStore({ client }).describe().location).toBe('h:1/4, prefix "session:"');
  });
});

describe('secrets', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer('--requirepass', secret);
  });
  afterAll(() => server.dispose());

  it('a user with a password and few rights can use the store', async () => {
    const prefix = newPrefix();
    // The rules that the README names.
    const rules =
      '+@connection +info +get +getex +getrange +set +setrange +del +pexpire +pttl +time ' +
      '+zadd +zrange +zscan +zrem +zremrangebyscore +zscore +eval +evalsha +scan';
    await server.admin.call('ACL', 'SETUSER', 'web', 'on', `>${secret}-web`, `~${prefix}*`, ...rules.split(' '));
    const store = redisStore({ url: `redis://web:${secret}-web@127.0.0.1:${server.port}/1`, prefix });
    const key = newKey();
    await store.create(key, record({ a: '1' }, { owner: 'u1' }), by());
    expect(await stored(store, key)).toMatchObject({ fields: { a: '1' } });
    expect(await update(store, key, { b: '1', a: '2', long: 'x'.repeat(5000) })).toBe('replaced');
    expect(await update(store, key, { b: '2' })).toBe('replaced');
    await store.noteApp('abc', 60_000);
    expect(await store.notedApps()).toEqual(['abc']);
    const walked: string[] = [];
    for await (const one of store.walk()) walked.push(one);
    expect(walked).toEqual(await keysOf(store, 'u1'));
    await forget(store, 'u1', [key]);
    expect(await store.destroy(key, { endMarkerMs: 1000 }, by())).toMatchObject({ fields: { a: '2', b: '2' } });
    expect(await store.check()).toBeInstanceOf(Array);
    const other = redisStore({ url: `redis://web:${secret}-web@127.0.0.1:${server.port}/1`, prefix: 'other:' });
    expect(await outcomeOf(() => other.read(key, by()))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await store.close();
    await other.close();
  });

  it('a password that is wrong is a fault, shown nowhere, and put right at run time', async () => {
    const wrong = `${secret}-wrong`;
    const store = redisStore({ url: `redis://:${wrong}@127.0.0.1:${server.port}`, prefix: newPrefix() });
    const { code, error } = await outcomeOf(() => store.read(newKey(), by()));
    expect(code).toBe('STORE_UNAVAILABLE');
    expect(error?.message).toContain('WRONGPASS');
    for (const thing of [error, store, store.describe()]) {
      expect(inspect(thing, { depth: 20, showHidden: true })).not.toContain(secret);
    }
    expect(JSON.stringify(store)).not.toContain(secret);
    await server.admin.config('SET', 'requirepass', wrong);
    await until(async () => (await outcomeOf(() => store.read(newKey(), by()))).code === undefined, 3000);
    await server.admin.config('SET', 'requirepass', secret);
    await store.close();
  });

  it('a server that repeats the arguments of a command it does not know is not quoted', async () => {
    const bare = await startServer('--rename-command', 'GET', '', '--rename-command', 'SET', '');
    const store = redisStore({ url: bare.url });
    const key = newKey();
    const outcomes = [
      await outcomeOf(() => store.read(key, by())),
      await outcomeOf(() => store.create(key, record({ a: secret }), by())),
    ];
    for (const { code, error } of outcomes) {
      expect(code).toBe('STORE_UNAVAILABLE');
      const shown = inspect(error, { depth: 9, showHidden: true });
      expect(shown).toContain('unknown command');
      expect(shown).not.toContain('with args beginning');
      expect(shown).not.toContain(secret);
    }
    await store.close();
    await bare.dispose();
  });

  it('errors repeat neither the session nor the password', async () => {
    const prefix = newPrefix();
    const store = redisStore({ url: `redis://:${secret}@127.0.0.1:${server.port}`, prefix });
    const key = newKey();
    await store.create(key, record({ a: '1' }), by());
    await server.admin.config('SET', 'maxmemory', '1mb');
    const canary = '"canary-in-the-session"';
    const full = await outcomeOf(() => update(store, key, { mine: canary }));
    await server.admin.config('SET', 'maxmemory', '0');
    await server.admin.set(prefix + newKey(), 'x');
    await server.admin.call('ACL', 'SETUSER', 'default', '-evalsha', '-eval');
    const refused = await outcomeOf(() => update(store, key, { mine: canary }));
    await server.admin.call('ACL', 'SETUSER', 'default', '+@all');
    expect([full.code, refused.code]).toEqual(['STORE_FULL', 'STORE_UNAVAILABLE']);
    for (const { error } of [full, refused]) {
      const shown = inspect(error, { depth: 20, showHidden: true });
      expect(shown).not.toContain('canary');
      expect(shown).not.toContain(secret);
      expect(error?.cause).toBeInstanceOf(Error);
    }
    await store.close();
  });
});

describe('TLS', () => {
  it('is spoken to rediss://, checks the certificate, and takes a CA of your own', async () => {
    const port = await freePort();
    const server = await startServer();
    const file = (name: string) => join(server.directory, name);
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        file('key.pem'),
        '-out',
        file('cert.pem'),
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost,IP:127.0.0.1',
      ],
      { stdio: 'ignore' },
    );
    await server.kill();
    await server.start(
      '--tls-port',
      String(port),
      '--tls-cert-file',
      file('cert.pem'),
      '--tls-key-file',
      file('key.pem'),
      '--tls-ca-cert-file',
      file('cert.pem'),
      '--tls-auth-clients',
      'no',
    );
    const url = `rediss://127.0.0.1:${port}`;
    const trusting = redisStore({ url, tls: { ca: readFileSync(file('cert.pem')) }, prefix: newPrefix() });
    const key = newKey();
    await trusting.create(key, record({ a: '1' }), by());
    expect(await stored(trusting, key)).toMatchObject({ fields: { a: '1' } });
    const wary = redisStore({ url });
    const { code, error } = await outcomeOf(() => wary.read(key, by()));
    expect(code).toBe('STORE_UNAVAILABLE');
    expect(error?.message).toMatch(/self-signed certificate/);
    await trusting.close();
    await wary.close();
    await server.dispose();
  });
});

describe('check', () => {
  it('says when the clock of this host and that of the server are apart', async () => {
    const server = await startServer();
    const store = redisStore({ url: server.url });
    const codes = async () => (await store.check()).map(({ code, severity }) => `${code} ${severity}`);
    expect(await codes()).not.toContain('REDIS_CLOCK warning');
    const { now } = Date;
    for (const [offMs, told] of [
      [90_000, 'behind'],
      [-90_000, 'ahead of'],
    ] as const) {
      vi.spyOn(Date, 'now').mockImplementation(() => Reflect.apply(now, Date, []) + offMs);
      const findings = await store.check();
      vi.restoreAllMocks();
      expect(findings).toContainEqual(
        expect.objectContaining({
          code: 'REDIS_CLOCK',
          severity: 'warning',
          text: expect.stringContaining(` s ${told} `),
        }),
      );
    }
    await store.close();
    await server.dispose();
  });

  it('says what is wrong with the server, and nothing when nothing is', async () => {
    const server = await startServer('--appendonly', 'yes');
    const store = redisStore({ url: server.url });
    expect(await store.check()).toEqual([]);
    await server.admin.config('SET', 'maxmemory-policy', 'volatile-lru');
    await server.admin.config('SET', 'appendonly', 'no');
    const codes = (await store.check()).map(({ code, severity }) => `${code} ${severity}`);
    expect(codes).toEqual(['REDIS_EVICTION warning', 'REDIS_PERSISTENCE note']);
    const replicated = redisStore({ url: server.url, durability: 'replicated' });
    expect((await replicated.check()).map(({ code }) => code)).toContain('REDIS_REPLICAS');
    const client = new Redis(server.port);
    const settings = (await redisStore({ client }).check()).filter(({ code }) => code === 'REDIS_CLIENT');
    expect(settings.map(({ text }) => text.split(' ')[2])).toEqual([
      'socketTimeout',
      'autoResendUnfulfilledCommands',
      'maxRetriesPerRequest',
      'connectTimeout',
      'commandTimeout',
      'reconnectOnError',
    ]);
    client.disconnect();
    await store.close();
    await replicated.close();
    await server.kill();
    await expect(redisStore({ url: server.url }).check()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await server.dispose();
  });
});
