import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';

import { cookieSessions } from '../cookie/cookie-sessions.ts';
import { SessError } from '../errors.ts';
import { createSessions } from '../sessions.ts';
import { leaksIn, textOf } from '../testing/leak-search.ts';
import { probeStore } from '../testing/probe-store.ts';
import { type Route, allEvents, closeApps, startApp, watchEvents } from '../testing/test-app.ts';

afterEach(closeApps);

const secret = `canary-secret-${randomBytes(24).toString('base64url')}`;
const password = `canary-password-${randomBytes(12).toString('base64url')}`;
const fieldValue = `canary-value-${randomBytes(12).toString('base64url')}`;

/** As ioredis throws them: with the command, its arguments, and the connection's options. */
function clientError(message: string): Error {
  return Object.assign(new Error(message, { cause: { password } }), {
    code: 'ECONNRESET',
    command: { name: 'auth', args: [password, fieldValue] },
    options: { password },
    previousErrors: [new Error(`AUTH ${password}`)],
  });
}

const routes: Record<string, Route> = {
  '/write': ({ session }) => {
    session['note'] = fieldValue;
    return 'written';
  },
  '/read': ({ session }) => Object.keys(session).length,
  '/login': async ({ session }) => void (await session.regenerate({ owner: 'u1', keep: true })),
  '/update': async ({ session }) => session.update('note', (note) => `${String(note)}!`).then(() => 'updated'),
  '/gone': async ({ session }) => {
    await app.sessions.revoke(session.handle);
    session['note'] = `${fieldValue} again`;
    await session.save();
  },
  '/mistakes': async ({ session }) => {
    const errors: unknown[] = [];
    const note = async (work: () => unknown): Promise<void> => {
      try {
        await work();
      } catch (error) {
        errors.push(error);
      }
    };
    await note(() => Object.assign(session, { save: fieldValue }));
    session['bad'] = { at: new Date(), fieldValue };
    await note(() => session.save());
    session['bad'] = fieldValue.repeat(100);
    await note(() => session.save());
    await note(() => session.update('bad', () => 1));
    caught.push(...errors);
    delete session['bad'];
    return errors.length;
  },
  '/logout': async ({ session }) => session.destroy(),
};

let app: Awaited<ReturnType<typeof startApp>>;
const caught: unknown[] = [];

/** A visit to everything, with faults. @returns what came out of it, and the tokens that were on the way. */
async function everything() {
  const store = probeStore();
  const events = watchEvents(allEvents);
  const tokens = new Set<string>();
  const passed: unknown[] = [];
  app = await startApp(
    {
      ...Object.fromEntries(
        Object.entries(routes).map(([path, route]): [string, Route] => [
          path,
          async (visit) => {
            passed.push(inspect(visit.session, { showHidden: true, depth: 20 }));
            return Promise.resolve(route(visit)).catch((error: unknown) => {
              caught.push(error);
              throw error;
            });
          },
        ]),
      ),
      '/attached': ({ request, response }) => {
        const exchange = app.sessions.attach(request, response);
        passed.push(exchange);
        return 'seen';
      },
    },
    { store, secret: [secret, `${secret}-older`], limits: { sessionBytes: 2_000 } },
  );
  const browser = app.browser();
  const visit = async (path: string): Promise<void> => {
    await browser.get(path);
    if (browser.cookie !== undefined) tokens.add(browser.cookie.slice(4));
  };
  for (const path of ['/write', '/read', '/login', '/update', '/mistakes', '/attached']) await visit(path);
  for (const verb of ['read', 'replace', 'create', 'destroy']) {
    store.before = (call) => {
      if (call.verb === verb) throw clientError(`${verb}: connection lost`);
    };
    for (const path of ['/read', '/update', '/login', '/logout']) await visit(path);
  }
  store.before = undefined;
  for (const path of ['/gone', '/read', '/write', '/login', '/logout']) await visit(path);
  await app.get('/read', `${browser.cookie ?? 'sid=a'}x`);
  await app.get('/read', [...tokens].map((token) => `sid=${token}`).join('; '));
  const exchange = await app.sessions.open(`sid=${[...tokens][0]}`);
  passed.push(inspect(exchange, { showHidden: true, depth: 20 }));

  // At start too: a store that refuses, and a secret that is too weak.
  const failing = probeStore();
  failing.before = () => {
    throw clientError('no connection');
  };
  const lines: string[] = [];
  const logger = { info: noteLine, warn: noteLine, error: noteLine };
  function noteLine(line: string): void {
    lines.push(line);
  }
  await createSessions({ store: failing, secret, logger, env: {} })
    .ready()
    .catch((error: unknown) => caught.push(error));
  for (const env of [{}, { NODE_ENV: 'production' }]) {
    try {
      createSessions({ store, secret: secret.slice(0, 20), logger, env });
    } catch (error) {
      caught.push(error);
    }
  }
  events.stop();
  return {
    tokens,
    calls: store.calls,
    lines: [...app.lines, ...lines],
    events: events.seen,
    errors: caught,
    objects: [...passed, app.sessions],
  };
}

describe('tokens, secrets and passwords', () => {
  it('are in no log line, event, error or printed object, nor does the store see a token', async () => {
    const { tokens, calls, ...places } = await everything();
    const signed = [...tokens];
    expect(signed.length).toBeGreaterThanOrEqual(4);
    expect(places.lines.length).toBeGreaterThanOrEqual(2);
    expect(new Set(places.events.map(({ name }) => name)).size).toBeGreaterThanOrEqual(9);
    expect(new Set(places.errors.map((error) => Reflect.get(Object(error), 'code'))).size).toBeGreaterThanOrEqual(5);

    const canaries: Record<string, string> = { secret, weak: secret.slice(0, 20), password };
    for (const [n, value] of signed.entries()) {
      const [token = '', signature = ''] = value.split('.');
      Object.assign(canaries, { [`token ${n}`]: token, [`signature ${n}`]: signature });
    }
    for (const [place, things] of Object.entries(places)) {
      const text = things.map(textOf).join('\n');
      // The data of a session is printed with it, and nowhere else.
      const forbidden = place === 'objects' ? canaries : { ...canaries, fieldValue };
      expect({ place, leaks: leaksIn(text, forbidden) }).toEqual({ place, leaks: [] });
    }
    expect(leaksIn(textOf(calls), canaries)).toEqual([]);
  });

  it('are found by this search where they are planted (the control)', () => {
    const canaries = { password, secret };
    const hidden = Object.defineProperty(new Error('harmless'), 'options', { value: { deep: [{ password }] } });
    expect(leaksIn(textOf(hidden), canaries)).toEqual(['password']);
    expect(leaksIn(textOf(clientError('lost')), canaries)).toEqual(['password']);
    expect(leaksIn(textOf(new SessError('STORE_UNAVAILABLE', 'lost', { cause: new Error(secret) })), canaries)).toEqual(
      ['secret'],
    );
    expect(leaksIn(textOf([`line with ${secret}`]), canaries)).toEqual(['secret']);
    expect(leaksIn(textOf(new Map([['key', Buffer.from(secret)]])), canaries)).toEqual(['secret']);
  });

  it('of cookie sessions are not printed either', async () => {
    const sessions = createSessions({ store: cookieSessions({ encrypt: true }), secret, logger: false, env: {} });
    const session = await sessions.open(undefined);
    Reflect.set(session, 'note', fieldValue);
    const { setCookie = '' } = await sessions.commit(session);
    const again = await sessions.open(setCookie.split(';', 1)[0]);
    const value = setCookie.slice(4).split(';', 1)[0] ?? '';
    expect(setCookie).not.toContain(Buffer.from(fieldValue).toString('base64url').slice(2, -2));
    expect(leaksIn(textOf([sessions, again]), { secret, value })).toEqual([]);
  });
});
