import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AppFolder, type HowToRun, handleOf, makeAppFolder, storeSession } from '../test/app-folder.ts';
import { type RedisServer, freePort, startRedis } from '../test/redis-server.ts';
import { type WebServer, serve } from '../test/web-server.ts';

/** Each in a place of its own, so that a leak tells where it is from. */
const canaries = {
  secret: 'c4n4ry-secret-x7Kq-9vTz-mP3w-Lk2s-Hd8f',
  fallback: 'c4n4ry-fallback-Ty6r-Wq1z-Bn5v-Jc0x-Us7',
  password: 'c4n4ry-password-8Gh2',
  userName: 'c4n4ry-user-5Rt1',
  token: 'c4n4ry-token-AbCdEfGhIjKlMnOpQrStUvWxYz0123',
  value: 'c4n4ry-value-in-a-session',
  header: 'c4n4ry-header-of-the-admin',
  query: 'c4n4ry-query-of-the-url',
  urlPassword: 'c4n4ry-password-of-the-url',
};

/** The names of what is in a text that should not be, in whatever coding. */
function leaksIn(text: string): string[] {
  return Object.entries(canaries)
    .filter(([, canary]) =>
      [canary, encodeURIComponent(canary), Buffer.from(canary).toString('base64').slice(0, 24)].some((form) =>
        text.includes(form),
      ),
    )
    .map(([name]) => name);
}

let app: AppFolder;
let redis: RedisServer;
let web: WebServer;

beforeEach(async () => {
  app = makeAppFolder();
  redis = await startRedis('--user', canaries.userName, 'on', `>${canaries.password}`, '~*', '&*', '+@all');
  web = await serve((request, response) => {
    if (request.url?.startsWith('/broken')) response.socket?.destroy();
    else response.setHeader('set-cookie', `__Host-sid=${canaries.token}; Path=/; Secure`).end(canaries.value);
  });
});

afterEach(async () => {
  await web.close();
  await redis.dispose();
  await app.remove();
});

describe('nothing that is printed holds a secret, a password, a token or a value', () => {
  const onRedis = (port: number, password = canaries.password): Record<string, string> => ({
    NODE_ENV: 'production',
    SECRET_KEY: canaries.secret,
    SECRET_KEY_FALLBACKS: canaries.fallback,
    SESSION_REDIS_URL: `redis://${canaries.userName}:${password}@127.0.0.1:${port}`,
  });

  async function everything(env: Record<string, string>): Promise<string> {
    const address = `http://admin:${canaries.urlPassword}@127.0.0.1:${web.port}/?key=${canaries.query}`;
    const header = `Authorization: Bearer ${canaries.header}`;
    const inPipe = [
      ['doctor'],
      ['doctor', '--url', address, '--report-url', address, '--header', header, '--json'],
      ['doctor', '--url', address.replace('/?', '/broken?'), '--report-url', address.replace('/?', '/broken?')],
      ['doctor', '--report-url', address, '--header', canaries.header],
      ['list', '--owner', 'ada'],
      ['list', '--json'],
      ['show', handleOf(1)],
      ['show', handleOf(1), '--json'],
      ['show', canaries.token],
      ['show', `${canaries.token.padEnd(43, 'x')}.signature`],
      ['show', handleOf(1), '--key', 'missing'],
      ['revoke', canaries.token, '--yes'],
      ['stats'],
      ['stats', '--json'],
      ['sweep'],
    ];
    const inTerminal = [['doctor', '--url', address, '--report-url', address, '--header', header], ['list'], ['stats']];
    let text = '';
    const add = async (args: readonly string[], how: HowToRun): Promise<void> => {
      const { out, err } = await app.sess(args, { env, ...how });
      text += `\n$ ${args[0]}\n${out}${err}`;
    };
    for (const args of inPipe) await add(args, {});
    for (const args of inTerminal) await add(args, { typing: '' });
    await add(['revoke', handleOf(1), '--yes'], {});
    return text;
  }

  it('with a Redis that answers', async () => {
    const env = onRedis(redis.port);
    await storeSession(await app.open(env), handleOf(1), {
      owner: 'ada',
      fields: { cart: JSON.stringify([canaries.value]) },
    });
    const text = await everything(env);
    // It was all there to be seen.
    expect(text).toContain(handleOf(1));
    expect(text).toContain('Revoked 1 session.');
    expect(text).toContain('REPORT_UNREADABLE');
    expect(leaksIn(text)).toEqual([]);
  });

  it('with a Redis that refuses, one that is not there, a weak secret, and an app that cannot start', async () => {
    for (const env of [
      onRedis(redis.port, 'c4n4ry-password-8Gh2-wrong'),
      onRedis(await freePort()),
      { ...onRedis(redis.port), SECRET_KEY: canaries.secret.slice(0, 20) },
      { ...onRedis(redis.port), SESSION_REDIS_URL: `redis://x:${canaries.password}@:nonsense:` },
    ]) {
      const { out, err, code } = await app.sess(['doctor'], { env });
      expect(code).toBe(1);
      expect(leaksIn(out + err)).toEqual([]);
      const listed = await app.sess(['list'], { env });
      expect(leaksIn(listed.out + listed.err)).toEqual([]);
    }
  });

  it('and what does print one is found', async () => {
    const env = onRedis(redis.port);
    await storeSession(await app.open(env), handleOf(1), { fields: { cart: JSON.stringify([canaries.value]) } });
    expect(leaksIn((await app.sess(['show', handleOf(1), '--key', 'cart'], { env })).out)).toEqual(['value']);
    app.write(
      'sess.config.mjs',
      'console.log(process.env.SESSION_REDIS_URL, process.env.SECRET_KEY);\nexport const options = {};',
    );
    expect(leaksIn((await app.sess(['list'], { env })).out)).toEqual(['secret', 'password', 'userName']);
  });
});

describe('Redis', () => {
  it('is listed, counted and revoked like files, and needs no sweep', async () => {
    const env = { REDIS_URL: `redis://${canaries.userName}:${canaries.password}@127.0.0.1:${redis.port}` };
    const store = await app.open(env);
    for (let at = 1; at <= 50; at += 1)
      await storeSession(store, handleOf(at), { owner: at % 2 === 0 ? 'even' : 'odd', fields: { at: String(at) } });
    expect((await app.sess(['list'], { env })).out.trimEnd().split('\n')).toHaveLength(50);
    expect(JSON.parse((await app.sess(['stats', '--json'], { env })).out)).toMatchObject({ sessions: 50, owners: 2 });
    expect((await app.sess(['revoke', '--owner', 'odd', '--yes'], { env })).out).toBe('Revoked 25 sessions.\n');
    expect(JSON.parse((await app.sess(['stats', '--json'], { env })).out)).toMatchObject({ sessions: 25, owners: 1 });
    expect(await app.sess(['sweep'], { env })).toMatchObject({
      code: 0,
      out: expect.stringMatching(/expire by themselves/) as string,
    });
  });

  it('that does not answer ends the commands with 3', async () => {
    const env = { REDIS_URL: `redis://127.0.0.1:${await freePort()}` };
    for (const command of ['list', 'stats'])
      expect(await app.sess([command], { env })).toMatchObject({
        code: 3,
        out: '',
        err: expect.stringMatching(/^STORE_UNAVAILABLE: /) as string,
      });
  });
});
