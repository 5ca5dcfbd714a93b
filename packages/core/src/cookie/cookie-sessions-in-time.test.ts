import { type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';

import { cookieSessions } from './cookie-sessions.ts';
import { onSessionEvent } from '../events.ts';
import { createSessions } from '../sessions.ts';
import type { SessionsOptions } from '../sessions-options.ts';
import { memoryStore } from '../storage/memory-store.ts';
import { type AnySession, anySession } from '../testing/test-app.ts';

const secret = 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUaSfIi4Zk';
const hourMs = 3_600_000;
const start = 1_700_000_000_000;
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

type Act = (session: AnySession, response: ServerResponse) => unknown;

interface Browser {
  cookie: string | undefined;
  /** One request; its answer ends with what the handler returns, or with the code of what it throws. */
  visit(act: Act): Promise<{ status: number; text: string; setCookie: string[] }>;
  data(): Promise<Record<string, unknown>>;
}

/** A server whose handler each visit gives, and a browser with one cookie. */
async function browserOf(options: SessionsOptions): Promise<Browser> {
  const sessions = createSessions({ secret, logger: false, env: {}, ...options });
  let act: Act = () => '';
  const server = createServer((request, response) => {
    void (async () => {
      const { session } = await sessions.attach(request, response);
      const said = await (async () => act(anySession(session), response))().catch(
        (error: { code?: string }) => error.code,
      );
      response.end(String(said));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const browser: Browser = {
    cookie: undefined,
    async visit(next) {
      act = next;
      const { cookie } = browser;
      const answer = await fetch(`http://127.0.0.1:${port}`, cookie === undefined ? {} : { headers: { cookie } });
      const setCookie = answer.headers.getSetCookie();
      for (const line of setCookie) browser.cookie = line.includes('Max-Age=0') ? undefined : line.split(';')[0];
      return { status: answer.status, text: await answer.text(), setCookie };
    },
    async data() {
      const { text } = await browser.visit((session) => JSON.stringify(session));
      return JSON.parse(text) as Record<string, unknown>;
    },
  };
  return browser;
}

function heard(name: 'committed' | 'dropped'): unknown[] {
  const events: unknown[] = [];
  closing.push(onSessionEvent(name, ({ keys }) => events.push(keys)));
  return events;
}

const kinds = {
  'in a signed cookie': () => cookieSessions(),
  'in an encrypted cookie': () => cookieSessions({ encrypt: true }),
  'in a store': (clock: () => number) => memoryStore({ clock }),
};

describe.each(Object.entries(kinds))('a session %s', (kind, storeAt) => {
  const isInCookie = kind !== 'in a store';
  let now = start;
  const clock = (): number => now;
  const browserWith = (options: SessionsOptions = {}): Promise<Browser> => {
    now = start;
    return browserOf({ store: storeAt(clock), clock, ...options });
  };

  it.each(['writeHead', 'flushHeaders', 'write'] as const)(
    'keeps what changes while its first commit holds the answer (%s)',
    async (method) => {
      const browser = await browserWith();
      await browser.visit((session) => Object.assign(session, { a: 0, list: [1], gone: true }));
      await browser.visit((session, response) => {
        session['a'] = 1;
        const list = session['list'];
        if (method === 'writeHead') response.writeHead(200);
        else if (method === 'write') response.write('begun ');
        else response.flushHeaders();
        session['b'] = 2;
        delete session['gone'];
        if (Array.isArray(list)) list.push(2);
        session.persistent = false;
      });
      expect(await browser.data()).toEqual({ a: 1, b: 2, list: [1, 2] });
      expect((await browser.visit(({ persistent }) => persistent)).text).toBe('false');
    },
  );

  it('has no cookie any more when it was destroyed and nothing came after it', async () => {
    for (const after of [{}, { keep: ['user'] }]) {
      const browser = await browserWith();
      await browser.visit((session) => session.regenerate({ owner: 'ada' }));
      await browser.visit(async (session) => {
        await session.destroy();
        await session.regenerate(after);
      });
      expect(browser.cookie).toBeUndefined();
    }
  });

  it('has another cookie when it was destroyed and a new one came after it', async () => {
    const browser = await browserWith();
    await browser.visit((session) => Object.assign(session, { user: 'ada' }));
    const { setCookie } = await browser.visit(async (session) => {
      await session.destroy();
      Object.assign(await session.regenerate(), { flash: 'bye' });
    });
    expect(setCookie).toHaveLength(1);
    expect(await browser.data()).toEqual({ flash: 'bye' });
  });

  it('has no cookie any more when it was destroyed, and then the answer failed', async () => {
    const browser = await browserWith();
    await browser.visit((session) => Object.assign(session, { user: 'ada' }));
    const { status } = await browser.visit(async (session) => {
      await session.destroy();
      Object.assign(await session.regenerate(), { date: new Date() });
    });
    expect(status).toBe(500);
    expect(browser.cookie).toBeUndefined();
  });

  it('has its idle timeout from the last use, also after a clock was set back', async () => {
    const browser = await browserWith();
    await browser.visit((session) => Object.assign(session, { n: 1 }));
    now = start + 10 * hourMs;
    await browser.visit((session) => Object.assign(session, { n: 2 }));
    now = start + 2 * hourMs;
    await browser.visit((session) => Object.assign(session, { n: 3 }));
    const { text } = await browser.visit(({ expiresAt, touchedAt }) => `${+expiresAt} ${+touchedAt}`);
    expect(text).toBe(`${start + 26 * hourMs} ${start + 2 * hourMs}`);
  });

  it.each(['reload', 'rotate'] as const)('that ends while its request runs does not come back (%s)', async (what) => {
    const browser = await browserWith();
    await browser.visit((session) => Object.assign(session, { n: 1 }));
    const { text } = await browser.visit(async (session) => {
      now += 25 * hourMs;
      if (what === 'reload') await session.reload();
      else await (await session.regenerate({ keep: true })).save();
    });
    expect(text).toBe('SESSION_GONE');
    expect(await browser.data()).toEqual({});
  });

  it('that ends between a change and the head of its answer is no failure of that', async () => {
    const browser = await browserWith();
    await browser.visit((session) => Object.assign(session, { n: 1 }));
    const { status } = await browser.visit(async (session) => {
      await session.update('n', () => 2);
      now += 25 * hourMs;
    });
    expect(status).toBe(200);
    expect(await browser.data()).toEqual({});
  });

  it('keeps settings that are made while it is first stored', async () => {
    const browser = await browserWith();
    await browser.visit(async (session) => {
      session['a'] = 1;
      const saved = session.save();
      session.idleTimeoutMs = 60_000;
      session.persistent = false;
      await saved;
    });
    const { text } = await browser.visit(({ idleTimeoutMs, persistent }) => `${idleTimeoutMs} ${persistent}`);
    expect(text).toBe('60000 false');
  });

  it.each(['save', 'update'] as const)('that is too large is told by %s(), and can be mended', async (verb) => {
    const browser = await browserWith({ limits: { sessionBytes: 4000 } });
    await browser.visit((session) => Object.assign(session, { n: 0 }));
    const committed = heard('committed');
    const large = 'x'.repeat(isInCookie ? 3900 : 6000);
    const { status, text } = await browser.visit(async (session) => {
      const code = await (async () => {
        if (verb === 'update') return session.update('large', () => large);
        session['large'] = large;
        return session.save();
      })().catch((error: { code?: string }) => error.code);
      delete session['large'];
      session['ok'] = 1;
      return code;
    });
    expect([status, text]).toEqual([200, isInCookie ? 'COOKIE_TOO_LARGE' : 'SESSION_TOO_LARGE']);
    expect(await browser.data()).toEqual({ n: 0, ok: 1 });
    expect(committed).toEqual([['ok']]);
  });

  it('that is too large leaves the error page of an app that save() told of it', async () => {
    const browser = await browserWith({ limits: { sessionBytes: 4000 } });
    await browser.visit((session) => Object.assign(session, { n: 0 }));
    const { status, text } = await browser.visit(async (session, response) => {
      session['large'] = 'x'.repeat(isInCookie ? 3900 : 6000);
      response.statusCode = 500;
      await session.save();
    });
    expect([status, text]).toEqual([500, isInCookie ? 'COOKIE_TOO_LARGE' : 'SESSION_TOO_LARGE']);
    expect(await browser.data()).toEqual({ n: 0 });
  });
});

describe.each([
  ['signed', false],
  ['encrypted', true],
])('a session in a %s cookie', (_, encrypt) => {
  let now = start;
  const clock = (): number => now;
  const store = cookieSessions({ encrypt });

  it('that was changed in place behind the headers says that this is not stored', async () => {
    const browser = await browserOf({ store, clock });
    await browser.visit((session) => Object.assign(session, { list: [] }));
    const [committed, dropped] = [heard('committed'), heard('dropped')];
    const late = (isSaved: boolean) =>
      browser.visit(async (session, response) => {
        const list = session['list'];
        response.write('begun ');
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (Array.isArray(list)) list.push(1);
        if (isSaved) await session.save();
      });
    expect((await late(true)).text).toBe('begun HEADERS_SENT');
    expect((await late(false)).text).toBe('begun undefined');
    expect([committed, dropped]).toEqual([[], [['list'], ['list']]]);
    expect(await browser.data()).toEqual({ list: [] });
  });

  it('that fits is read also where a touch would make its cookie too long', async () => {
    const fits = async (length: number): Promise<Browser | undefined> => {
      const browser = await browserOf({ store, clock });
      const { status } = await browser.visit((session) => Object.assign(session, { d: 'x'.repeat(length) }));
      return status === 200 ? browser : undefined;
    };
    let [low, high] = [2000, 4096];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((await fits(middle)) === undefined) high = middle;
      else low = middle;
    }
    const largest = await fits(low);
    const lines: string[] = [];
    const log = (line: string): void => void lines.push(line);
    const logger = { info() {}, warn: log, error: log };
    const longer = await browserOf({ store, clock, logger, cookie: { priority: 'medium' } });
    longer.cookie = largest?.cookie;
    now += 2 * hourMs;
    const told: unknown[] = [];
    const stop = onSessionEvent('storeError', ({ operation, code }) => void told.push({ operation, code }));
    const { status, text, setCookie } = await longer.visit((session) => String(session['d']).length);
    expect({ status, text, setCookie }).toEqual({ status: 200, text: String(low), setCookie: [] });
    // Its session will end while it is in use: that is told, by an event and in the log.
    stop();
    expect([told, lines]).toEqual([
      [{ operation: 'touch', code: 'COOKIE_TOO_LARGE' }],
      [expect.stringContaining('COOKIE_TOO_LARGE')],
    ]);
  });
});
