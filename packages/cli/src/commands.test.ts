import { chmodSync, existsSync, readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { type SessionStore, hasAbility, isEndMarker } from '@sess/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { soon } from './patience.ts';
import { type AppFolder, handleOf, makeAppFolder, storeSession } from '../test/app-folder.ts';
import { type RedisServer, startRedis } from '../test/redis-server.ts';

let app: AppFolder;
let store: SessionStore;
const servers: RedisServer[] = [];

beforeEach(async () => {
  app = makeAppFolder();
  store = await app.open();
});

afterEach(async () => {
  await app.remove();
  for (const server of servers.splice(0)) await server.dispose();
});

const isThere = async (handle: string): Promise<boolean> => {
  const found = await store.read(handle, soon());
  return found !== undefined && !isEndMarker(found);
};

/** Damages the file of a session. */
function tear(handle: string): void {
  const place = join(app.sessions, handle.slice(0, 2), handle);
  const files = readdirSync(place, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const { parentPath, name } of files) truncateSync(join(parentPath, name), 1);
  expect(files.length).toBeGreaterThan(0);
}

// oxlint-disable-next-line no-control-regex -- looking for the escape character is the point
const escape = /\u001B/;

describe('sess secret', () => {
  it('prints a secret that production takes, a new one each time, and nothing else', async () => {
    const first = await app.sess(['secret']);
    const second = await app.sess(['secret']);
    expect(first).toEqual({ code: 0, out: expect.stringMatching(/^[\w-]{43}\n$/), err: '' });
    expect(second.out).not.toBe(first.out);
    const judged = await app.sess(['doctor', '--json'], {
      env: { ...app.env, NODE_ENV: 'production', SECRET_KEY: first.out.trim() },
    });
    expect(judged).toMatchObject({ code: 0 });
    expect(judged.out).not.toContain(first.out.trim());
  });
});

describe('sess list', () => {
  it('prints one line a session in a pipe, with tabs between and no colour', async () => {
    const handle = await storeSession(store, handleOf(1), {
      fields: { userId: '"u1"', cart: '["book"]' },
      owner: 'ada',
    });
    const { code, out, err } = await app.sess(['list'], { env: { ...app.env, FORCE_COLOR: '1' } });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [shown, owner, created, seen, expires, bytes, keys] = out.trimEnd().split('\t');
    expect([shown, owner, bytes, keys]).toEqual([handle, 'ada', '22', 'cart,userId']);
    for (const time of [created, seen, expires]) expect(new Date(String(time)).toISOString()).toBe(time);
    expect(out.split('\n')).toHaveLength(2);
    expect(out).not.toMatch(escape);
  });

  it('is a table in a terminal: short handles, times from now, colours, 80 columns', async () => {
    await storeSession(store, handleOf(1), {
      fields: Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`preference${at}`, '1'])),
      owner: 'ada',
      label: 'Firefox on Linux',
    });
    await storeSession(store, handleOf(2), { owner: 'somebody-with-a-long-name@department.example' });
    const { code, out } = await app.sess(['list'], { typing: '' });
    expect(code).toBe(0);
    expect(out).toMatch(escape);
    const plain = await app.sess(['list'], { typing: '', env: { ...app.env, NO_COLOR: '1' } });
    expect(plain.out).not.toMatch(escape);
    const [heading = '', ...rows] = plain.out.split(/\r?\n/).filter((line) => line !== '');
    const columnAt = (name: string): number => heading.indexOf(name);
    const ada = rows.find((row) => row.slice(columnAt('OWNER')).startsWith('ada')) ?? '';
    expect(ada.slice(0, columnAt('OWNER')).trim()).toBe(handleOf(1).slice(0, 12));
    expect(ada.slice(columnAt('DEVICE'))).toMatch(/^Firefox on Linux +2 h ago +1 h ago +in 11 h/);
    expect(plain.out).toMatch(/somebody-w[\w-]*…  /);
    expect(Math.max(...[heading, ...rows].map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('finds the sessions of an owner, and only those', async () => {
    await storeSession(store, handleOf(1), { owner: 'ada' });
    await storeSession(store, handleOf(2), { owner: 'bob' });
    await storeSession(store, handleOf(3));
    const { out } = await app.sess(['list', '--owner', 'ada']);
    expect(out.split('\t')[0]).toBe(handleOf(1));
    expect(out).not.toContain(handleOf(2));
    expect(await app.sess(['list', '--owner', 'eve'])).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringMatching(/^No sessions of this owner/) as string,
    });
  });

  it('believes no index: the session says whose it is', async () => {
    app.write(
      'sess.config.mjs',
      `const stored = (owner) => ({ record: { fields: {}, createdAt: 0, touchedAt: 0, expiresAt: 9e14, owner, writeIds: [] }, version: 1 });
       const sessions = { ['a'.repeat(64)]: stored('ada'), ['b'.repeat(64)]: stored('bob') };
       export const options = {
         store: {
           async create() {},
           async read(key) { return sessions[key]; },
           async replace() { return { verdict: 'gone' }; },
           async destroy() {},
           async *keysByOwner() { yield { keys: [...Object.keys(sessions), 'c'.repeat(64)], async forget() {} }; },
         },
       };`,
    );
    const { out } = await app.sess(['list', '--owner', 'ada']);
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t')[0]),
    ).toEqual(['a'.repeat(64)]);
    // And what it cannot do it says.
    expect(await app.sess(['list'])).toMatchObject({ code: 3, err: expect.stringMatching(/walk\(\)/) as string });
  });

  it('ends at its limit and says so; --json says it too', async () => {
    for (let at = 1; at <= 5; at += 1) await storeSession(store, handleOf(at));
    const few = await app.sess(['list', '--limit', '3']);
    expect(few.out.trimEnd().split('\n')).toHaveLength(3);
    expect(few.err).toContain('--limit');
    const cut = JSON.parse((await app.sess(['list', '--limit', '5', '--json'])).out) as { isComplete: boolean };
    expect(cut).toMatchObject({ isComplete: true, sessions: { length: 5 } });
    expect(JSON.parse((await app.sess(['list', '--limit', '4', '--json'])).out)).toMatchObject({ isComplete: false });
    expect((await app.sess(['list', '--limit', 'all'])).err).toBe('');
  });

  it('does not let an owner command the terminal', async () => {
    await storeSession(store, handleOf(1), { owner: 'ada\u001B[2J\nbob', fields: { 'k\u009B': '1' } });
    const { out } = await app.sess(['list'], { typing: '', env: { ...app.env, NO_COLOR: '1' } });
    expect(out).toContain(String.raw`ada\u{1b}[2J\u{a}bob`);
    expect(out).not.toMatch(escape);
    expect(out).not.toContain('\u009B');
  });

  it('shows others where one is torn', async () => {
    await storeSession(store, handleOf(1));
    const handle = await storeSession(store, handleOf(2), { fields: { views: '1' } });
    tear(handle);
    const { code, out } = await app.sess(['list']);
    expect(code).toBe(0);
    expect(out).toContain(`${handleOf(2)}\t\t\t\t\t\tSTORE_CORRUPT`);
    expect(out).toContain(handleOf(1));
  });
});

describe('the first digits of a handle', () => {
  const twins = ['abcd1', 'abcd2'].map((start) => start.padEnd(64, '0'));

  it('are enough for show and revoke, as long as one session begins with them', async () => {
    const handle = await storeSession(store, 'feed'.padEnd(64, '1'), { fields: { views: '1' } });
    for (const twin of twins) await storeSession(store, twin);
    expect((await app.sess(['show', 'feed'])).out.split('\t')[0]).toBe(handle);
    const ambiguous = await app.sess(['revoke', 'feed', 'abcd', '--yes']);
    expect(ambiguous).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/abcd: abcd\d0+ and abcd\d0+\. Give more digits/) as string,
    });
    expect(await isThere(handle)).toBe(true);
    expect(await app.sess(['revoke', 'feed', handle, 'abcd1', '--yes'])).toMatchObject({
      code: 0,
      out: 'Revoked 2 sessions.\n',
    });
    expect(await Promise.all([handle, ...twins].map(isThere))).toEqual([false, false, true]);
    expect(await app.sess(['revoke', 'feed', 'abcd2', '--yes'])).toMatchObject({
      code: 1,
      out: 'Revoked 1 session.\n',
      err: expect.stringMatching(/1 handle had no session/) as string,
    });
    expect(await app.sess(['show', 'feed'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no such session/) as string,
    });
    expect(await app.sess(['show', 'fee'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/at least the first 4/) as string,
    });
  });
});

describe('sess show', () => {
  const fields = { userId: '"canary-user"', cart: '["canary-book"]' };

  it('tells keys and sizes, and no value', async () => {
    const handle = await storeSession(store, handleOf(1), { fields });
    for (const how of [{}, { typing: '' }]) {
      const { code, out } = await app.sess(['show', handle], how);
      expect(code).toBe(0);
      expect(out).toMatch(/userId[\s\S]*cart/);
      expect(out).not.toContain('canary');
    }
    expect((await app.sess(['show', handle, '--json'])).out).not.toContain('canary');
  });

  it('prints the value of the key that is named, and of no other', async () => {
    const handle = await storeSession(store, handleOf(1), { fields });
    expect(await app.sess(['show', handle, '--key', 'cart'])).toEqual({ code: 0, out: '["canary-book"]\n', err: '' });
    const json = await app.sess(['show', handle, '--key', 'cart', '--json']);
    expect(JSON.parse(json.out)).toMatchObject({ handle, values: { cart: ['canary-book'] } });
    expect(json.out).not.toContain('canary-user');
  });

  it('ends with 1 for what is not there', async () => {
    const handle = await storeSession(store, handleOf(1), { fields });
    expect(await app.sess(['show', handle, '--key', 'nope'])).toMatchObject({ code: 1, out: '' });
    expect(await app.sess(['show', handle, '--key', 'toString'])).toMatchObject({ code: 1, out: '' });
    expect(await app.sess(['show', handleOf(9)])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no such session/) as string,
    });
  });

  it('does not repeat what is no handle: it may be a token', async () => {
    const token = `${'t0ken-canary'.padEnd(43, 'x')}`;
    const { code, out, err } = await app.sess(['show', `${token}.signature`]);
    expect(code).toBe(2);
    expect(err).toMatch(/token .* secret/);
    expect(out + err).not.toContain('canary');
    expect(await app.sess(['show', 'canary'])).toMatchObject({
      code: 2,
      err: expect.not.stringContaining('canary') as string,
    });
  });
});

describe('sess revoke', () => {
  const question = /\[y\/N\] /;

  it('ends the sessions that are named', async () => {
    const [first, second] = [await storeSession(store, handleOf(1)), await storeSession(store, handleOf(2))];
    expect(await app.sess(['revoke', first, first, '--yes'])).toEqual({
      code: 0,
      out: 'Revoked 1 session.\n',
      err: '',
    });
    expect([await isThere(first), await isThere(second)]).toEqual([false, true]);
  });

  it('ends all sessions of an owner, however old, and no other', async () => {
    const dayMs = 86_400_000;
    const now = Date.now();
    const times = { createdAt: now - 80 * dayMs, touchedAt: now, expiresAt: now + dayMs };
    await store.create(handleOf(1), { fields: {}, ...times, owner: 'ada', writeIds: [] }, soon());
    await storeSession(store, handleOf(2), { owner: 'ada' });
    await storeSession(store, handleOf(3), { owner: 'bob' });
    const { out } = await app.sess(['revoke', '--owner', 'ada', '--yes', '--json']);
    expect(JSON.parse(out)).toEqual({ revoked: 2 });
    expect(await Promise.all([1, 2, 3].map((at) => isThere(handleOf(at))))).toEqual([false, false, true]);
  });

  it('is not taken for another app that keeps its sessions there', async () => {
    const redis = await startRedis();
    servers.push(redis);
    const env = { SESSION_REDIS_URL: `redis://127.0.0.1:${redis.port}` };
    const shared = await app.open(env);
    await storeSession(shared, handleOf(1), { owner: 'ada' });
    expect(await app.sess(['revoke', '--owner', 'ada', '--yes'], { env })).toMatchObject({ code: 0 });
    if (!hasAbility(shared, 'noteApp')) throw new Error('This store notes no apps.');
    expect(await shared.notedApps()).toEqual([]);
  });

  it('leaves nothing of its own in a slow storage', async () => {
    await storeSession(store, handleOf(1), { owner: 'ada' });
    await storeSession(store, handleOf(2), { owner: 'bob' });
    app.write(
      'sess.config.mjs',
      `import { fsStore } from '@sess/fs';
      import { setTimeout as wait } from 'node:timers/promises';
      const files = fsStore({ directory: ${JSON.stringify(app.sessions)} });
      const slow = (verb) => async (...args) => {
        await wait(100);
        return files[verb](...args);
      };
      const [create, read, replace, destroy] = ['create', 'read', 'replace', 'destroy'].map(slow);
      const { keysByOwner, close } = files;
      export const options = { store: { create, read, replace, destroy, keysByOwner, close } };`,
    );
    expect(await app.sess(['revoke', '--owner', 'ada', '--yes'])).toMatchObject({ code: 0, err: '' });
    if (!hasAbility(store, 'walk')) throw new Error('This store cannot be walked through.');
    const left = [];
    for await (const key of store.walk()) if (await isThere(key)) left.push(key);
    expect(left).toEqual([handleOf(2)]);
  });

  it('says that an owner has none, and asks nothing', async () => {
    expect(await app.sess(['revoke', '--owner', 'nobody', '--yes'])).toMatchObject({
      code: 1,
      out: 'Revoked 0 sessions.\n',
      err: expect.stringMatching(/nobody has no sessions in fs, /) as string,
    });
    const asked = await app.sess(['revoke', '--owner', 'nobody'], { typing: '' });
    expect(asked).toMatchObject({ code: 1, out: expect.not.stringMatching(question) as string });
  });

  it('asks first in a terminal, and takes a no for a no', async () => {
    const handle = await storeSession(store, handleOf(1), { owner: 'ada' });
    const no = await app.sess(['revoke', '--owner', 'ada'], { typing: '\r', typedAt: question });
    expect(no.code).toBe(1);
    expect(no.out).toMatch(/Revoke 1 session of ada in fs, .*\? \[y\/N\]/s);
    expect(await isThere(handle)).toBe(true);
    const yes = await app.sess(['revoke', handle], { typing: 'y\r', typedAt: question });
    expect(yes).toMatchObject({ code: 0, out: expect.stringContaining('Revoked 1 session.') as string });
    expect(await isThere(handle)).toBe(false);
  });

  it.each([
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('takes %s for a no', async (_, typing) => {
    const handle = await storeSession(store, handleOf(1));
    const { code, out } = await app.sess(['revoke', handle], { typing, typedAt: question });
    expect(code).toBe(1);
    expect(out).toContain('Nothing was revoked.');
    expect(await isThere(handle)).toBe(true);
  });

  it('does nothing where nobody can be asked, unless --yes', async () => {
    const handle = await storeSession(store, handleOf(1));
    expect(await app.sess(['revoke', handle])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--yes/) as string,
    });
    expect(await isThere(handle)).toBe(true);
  });

  it('ends the others where one of them is torn, and says both', async () => {
    const [first, torn, last] = [handleOf(1), handleOf(2), handleOf(3)];
    for (const handle of [first, torn, last]) await storeSession(store, handle, { fields: { views: '1' } });
    tear(torn);
    expect(await app.sess(['revoke', first, torn, last, '--yes'])).toMatchObject({
      code: 3,
      out: 'Revoked 2 sessions.\n',
      err: expect.stringMatching(/^STORE_CORRUPT: /) as string,
    });
    expect([await isThere(first), await isThere(last)]).toEqual([false, false]);
  });

  it('ends with 1 for a handle that has no session, and 2 for none at all', async () => {
    expect(await app.sess(['revoke', handleOf(7), '--yes'])).toMatchObject({ code: 1, out: 'Revoked 0 sessions.\n' });
    expect(await app.sess(['revoke', '--yes'])).toMatchObject({ code: 2 });
    expect(await app.sess(['revoke', handleOf(7), '--owner', 'ada', '--yes'])).toMatchObject({ code: 2 });
    expect(await app.sess(['revoke', 'ada', '--yes'])).toMatchObject({ code: 2 });
  });
});

describe('sess stats', () => {
  it('counts, measures and adds up', async () => {
    await storeSession(store, handleOf(1), { owner: 'ada', fields: { cart: JSON.stringify('x'.repeat(1000)) } });
    await storeSession(store, handleOf(2), { owner: 'ada', fields: { views: '1' } });
    await storeSession(store, handleOf(3), { fields: { views: '22' } });
    const figures: unknown = JSON.parse((await app.sess(['stats', '--json'])).out);
    expect(figures).toMatchObject({
      isComplete: true,
      sessions: 3,
      withOwner: 2,
      owners: 1,
      bytes: { total: 1006 + 6 + 7, smallest: 6, median: 7, largest: 1006 },
      largest: { handle: handleOf(1), bytes: 1006 },
      keys: [
        { name: 'cart', sessions: 1, bytes: 1006 },
        { name: 'views', sessions: 2, bytes: 13 },
      ],
    });
    const { out, err } = await app.sess(['stats']);
    expect(out).toContain('2 sessions of 1 owner');
    expect(err).toBe('');
  });

  it('reads no more than its limit, and says that there are more', async () => {
    for (let at = 0; at < 40; at += 1) await storeSession(store, handleOf(at));
    const { out } = await app.sess(['stats', '--limit', '20', '--json']);
    expect(JSON.parse(out)).toMatchObject({ isComplete: false, sessions: 20 });
    expect((await app.sess(['stats', '--limit', '20'])).out).toContain('there are more');
    expect(JSON.parse((await app.sess(['stats', '--limit', '40', '--json'])).out)).toMatchObject({ isComplete: true });
  });

  it('shows its progress in a terminal, not in a pipe', async () => {
    for (let at = 0; at < 40; at += 1) await storeSession(store, handleOf(at));
    expect((await app.sess(['stats'], { typing: '' })).out).toMatch(/Reading \[=* *\] \d+ of at most 10,000 sessions/);
    const { out, err } = await app.sess(['stats']);
    expect(out + err).not.toContain('Reading');
  });
});

describe('sess sweep', () => {
  it('removes what has expired, and no live session', async () => {
    await storeSession(store, handleOf(1), { expiresInMs: -30 * 3_600_000 });
    await storeSession(store, handleOf(2));
    expect(existsSync(join(app.sessions, handleOf(1).slice(0, 2), handleOf(1)))).toBe(true);
    expect(await app.sess(['sweep'])).toEqual({
      code: 0,
      out: 'Removed 1 expired session; 1 session stay.\n',
      err: '',
    });
    expect(existsSync(join(app.sessions, handleOf(1).slice(0, 2), handleOf(1)))).toBe(false);
    expect(await isThere(handleOf(2))).toBe(true);
  });
});

describe('the command line', () => {
  it.each([[['--help']], [['--version']], [['list', '--help']]])('%j ends with 0', async (args) => {
    expect(await app.sess(args)).toMatchObject({ code: 0, err: '' });
  });

  it('gives examples in its help, of all commands and of each, and breaks no line in a pipe', async () => {
    const whole = await app.sess(['--help']);
    expect(whole.out).toContain('npx @sess/cli revoke --owner ada --yes');
    expect((await app.sess(['show', '--help'])).out).toContain('npx @sess/cli show 3f9a1c --key cart');
    expect(whole.out).toMatch(/^ +doctor .*the app itself, by its address$/m);
    const narrow = await app.sess(['--help'], { typing: '' });
    expect(narrow.out).not.toMatch(/^ +doctor .*the app itself, by its address/m);
  });

  it.each([
    [['nonsense']],
    [['list', '--nonsense']],
    [['list', '--limit', '-1']],
    [['list', '--limit', '1.5']],
    [['list', 'extra']],
    [['list', '--env', 'nowhere.env']],
    [['show']],
    [['doctor', '--url', 'ftp://app.example']],
    [['doctor', '--header', 'Authorization: x']],
    [['doctor', '--report-url', 'http://127.0.0.1:1', '--header', 'nonsense']],
  ])('%j ends with 2', async (args) => {
    const { code, out, err } = await app.sess(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/error: /);
  });

  it.each(['list', 'stats', 'sweep'])('%s ends with 3 where sessions are in cookies or in memory', async (command) => {
    const cookies = await app.sess([command], { env: { NODE_ENV: 'test' } });
    expect(cookies).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringMatching(/UNSUPPORTED: .*signed cookies.*NODE_ENV/s) as string,
    });
    app.write(
      'sess.config.mjs',
      "import { memoryStore } from '@sess/core';\nexport const options = { store: memoryStore() };",
    );
    expect(await app.sess([command])).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringMatching(/memory of the app's own process/) as string,
    });
  });

  it('closes a store of the app’s own, so that it ends', async () => {
    app.write(
      'sess.config.mjs',
      `import { memoryStore } from '@sess/core';
      const { create, read, replace, destroy, sweep } = memoryStore();
      const connection = setInterval(() => {}, 1000);
      const close = async () => clearInterval(connection);
      export const options = { store: { create, read, replace, destroy, sweep, close } };`,
    );
    expect(await app.sess(['sweep'])).toMatchObject({ code: 0, err: '' });
  });

  it('ends although the configuration file holds a connection open that no store closes', async () => {
    app.write(
      'sess.config.mjs',
      `import { memoryStore } from '@sess/core';
      const { create, read, replace, destroy, sweep } = memoryStore();
      setInterval(() => {}, 1000);
      export const options = { store: { create, read, replace, destroy, sweep } };`,
    );
    expect(await app.sess(['sweep'])).toMatchObject({ code: 0, err: '' });
    expect(await app.sess(['doctor'])).toMatchObject({ err: '' });
  });

  it('makes no directory where there is none, and says where it looked', async () => {
    const nowhere = join(app.path, 'nowhere');
    for (const command of ['list', 'stats', 'sweep', 'doctor']) {
      const { code, out, err } = await app.sess([command], { env: { SESSION_DIR: nowhere } });
      expect(code).toBe(command === 'doctor' ? 0 : 3);
      expect(out + err).toContain(nowhere);
      expect(existsSync(nowhere)).toBe(false);
    }
  });

  it('reads the environment from files, of which the later wins, and what is set wins over both', async () => {
    await storeSession(store, handleOf(1));
    const other = join(app.path, 'other');
    await storeSession(await app.open({ SESSION_DIR: other }), handleOf(2));
    app.write('first.env', `SESSION_DIR=${other}\n`);
    app.write('second.env', `SESSION_DIR=${app.sessions}\n`);
    const handleWith = async (args: string[], env: Record<string, string> = {}): Promise<string | undefined> =>
      (await app.sess(['list', ...args], { env })).out.split('\t')[0];
    expect(await handleWith(['--env', 'first.env'])).toBe(handleOf(2));
    expect(await handleWith(['--env', 'first.env', '--env', 'second.env'])).toBe(handleOf(1));
    expect(await handleWith(['--env', 'first.env'], app.env)).toBe(handleOf(1));
  });

  it('takes options in code from a file: by itself, by name, and a broken one is told', async () => {
    const other = join(app.path, 'other');
    await storeSession(await app.open({ SESSION_DIR: other }), handleOf(2));
    app.write('sess.config.mjs', `export const options = { directory: ${JSON.stringify(other)} };`);
    expect((await app.sess(['list'])).out).toContain(handleOf(2));
    app.write('elsewhere.mjs', 'export default {};');
    await storeSession(store, handleOf(1));
    expect((await app.sess(['list', '--config', 'elsewhere.mjs'])).out).toContain(handleOf(1));
    app.write('empty.mjs', 'export const option = {};');
    expect(await app.sess(['list', '--config', 'empty.mjs'])).toMatchObject({
      code: 3,
      err: expect.stringMatching(/export const options/) as string,
    });
    expect(await app.sess(['list', '--config', 'nowhere.mjs'])).toMatchObject({
      code: 3,
      err: expect.stringMatching(/cannot be loaded/) as string,
    });
    app.write('wrong.mjs', 'export const options = { resave: true };');
    expect(await app.sess(['list', '--config', 'wrong.mjs'])).toMatchObject({
      code: 3,
      err: expect.stringMatching(/CONFIG_INVALID.*resave/) as string,
    });
  });

  it('says what is wrong with a directory', async () => {
    chmodSync(app.sessions, 0o755);
    expect(await app.sess(['list'])).toMatchObject({
      code: 3,
      err: expect.stringMatching(/FS_DIRECTORY: .*open to other users/) as string,
    });
  });
});
