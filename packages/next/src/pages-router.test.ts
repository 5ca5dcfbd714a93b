import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';

import { SessError, type SessionStore, memoryStore } from '@sess/core';
import { afterEach, describe, expect, it } from 'vitest';

import { createPagesSessions } from './pages-router.ts';

declare module '@sess/core' {
  interface SessionData {
    views?: number;
  }
}

const options = { secret: 'only-for-tests-7f3e9c2a5b8d1046-71c2', logger: false } as const;

/** A store of which some verbs fail. */
function failing(...verbs: (keyof SessionStore)[]): SessionStore {
  const store: SessionStore = memoryStore();
  const fail = async (): Promise<never> => {
    throw new SessError('STORE_UNAVAILABLE', 'The store is away.');
  };
  return { ...store, ...Object.fromEntries(verbs.map((verb) => [verb, fail])) };
}

let server: Server | undefined;
afterEach(
  () => new Promise<void>((resolve) => (server === undefined ? resolve() : void server.close(() => resolve()))),
);

type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<unknown>;

/** What Next.js does with an error that an API route throws: 500. */
async function ask(listener: Listener, cookie = ''): Promise<Response> {
  server = createServer((request, response) => {
    listener(request, response).catch(() => response.writeHead(500).end('Internal Server Error'));
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return fetch(`http://127.0.0.1:${address.port}`, { headers: { cookie, connection: 'close' }, redirect: 'manual' });
}

async function cookieOf(store: SessionStore): Promise<string> {
  const { sessions } = createPagesSessions({ ...options, store });
  const session = await sessions.open(undefined);
  session.views = 1;
  return String((await sessions.commit(session)).setCookie).split(';')[0] ?? '';
}

describe('an API route', () => {
  it('is answered when its session is stored', async () => {
    const store = memoryStore();
    const { withSession } = createPagesSessions({ ...options, store });
    const route = withSession((session, _request: IncomingMessage, response: ServerResponse) => {
      session.views = (session.views ?? 0) + 1;
      response.writeHead(303, { Location: '/' }).end();
    });
    const first = await ask(route);
    expect([first.status, first.headers.get('vary')]).toEqual([303, 'Cookie']);
    const [cookie] = first.headers.getSetCookie()[0]?.split(';') ?? [];
    const show = withSession((session, _request: IncomingMessage, response: ServerResponse) =>
      response.end(String(session.views)),
    );
    expect(await (await ask(show, cookie)).text()).toBe('1');
  });

  it('that has another one answer shares its session with it', async () => {
    const { withSession } = createPagesSessions({ ...options, store: memoryStore() });
    const inner = withSession((session, _request: IncomingMessage, response: ServerResponse) =>
      response.end(`${session.views}`),
    );
    const outer = withSession(async (session, request: IncomingMessage, response: ServerResponse) => {
      session.views = 7;
      return inner(request, response);
    });
    const answer = await ask(outer);
    expect([await answer.text(), answer.headers.getSetCookie().length]).toEqual(['7', 1]);
  });

  it('that runs two of them at once shares its session with both', async () => {
    const store = memoryStore();
    const cookie = await cookieOf(store);
    const { withSession, sessions } = createPagesSessions({ ...options, store });
    const add = withSession((session, _request: IncomingMessage, _response: ServerResponse) =>
      session.update('views', (views = 0) => views + 1),
    );
    const both: Listener = async (request, response) => {
      await Promise.all([add(request, response), add(request, response)]);
      response.end();
    };
    expect((await ask(both)).headers.getSetCookie()).toHaveLength(1);
    expect((await ask(both, cookie)).status).toBe(200);
    expect((await sessions.open(cookie)).views).toBe(3);
  });

  it.each([
    ['read', failing('read'), 'looks'],
    ['stored', failing('replace'), 'changes'],
  ])('whose session cannot be %s answers 503, in place of its own answer', async (_, broken, does) => {
    const cookie = await cookieOf(memoryStore());
    const store = does === 'looks' ? broken : { ...broken, read: memoryStoreWith() };
    const { withSession } = createPagesSessions({ ...options, store });
    const route = withSession((session, _request: IncomingMessage, response: ServerResponse) => {
      if (does === 'changes') session.views = 9;
      response.setHeader('ETag', '"x"').end(`${session.views}`);
    });
    const answer = await ask(route, cookie);
    expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('cache-control')]).toEqual([
      503,
      '1',
      'no-store',
    ]);
    expect([answer.headers.getSetCookie(), answer.headers.get('etag')]).toEqual([[], null]);
    expect(await answer.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  /** A session that is there whatever one asks for. */
  function memoryStoreWith(): SessionStore['read'] {
    const now = Date.now();
    const times = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
    return async () => ({ record: { fields: { views: '1' }, ...times, writeIds: [] }, version: 1 });
  }

  it('that does not look is not failed by the store', async () => {
    const cookie = await cookieOf(memoryStore());
    const { withSession } = createPagesSessions({ ...options, store: failing('read') });
    const route = withSession((_session, _request: IncomingMessage, response: ServerResponse) => response.end('fine'));
    expect((await ask(route, cookie)).status).toBe(200);
  });

  it('may answer a fault itself', async () => {
    const cookie = await cookieOf(memoryStore());
    const { withSession } = createPagesSessions({ ...options, store: failing('read') });
    const route = withSession((session, _request: IncomingMessage, response: ServerResponse) => {
      try {
        return response.end(`${session.views}`);
      } catch {
        return response.writeHead(503).end('Back in a moment');
      }
    });
    const answer = await ask(route, cookie);
    expect([answer.status, await answer.text(), answer.headers.get('retry-after')]).toEqual([
      503,
      'Back in a moment',
      '1',
    ]);
  });

  it('with a mistake leaves it to Next.js', async () => {
    const { withSession } = createPagesSessions({ ...options, store: memoryStore() });
    const answer = await ask(withSession(() => Promise.reject(new Error('a mistake'))));
    expect([answer.status, await answer.text()]).toEqual([500, 'Internal Server Error']);
  });
});

describe('getServerSideProps', () => {
  it('gives its props, and holds the response back for its session', async () => {
    const { withSession } = createPagesSessions({ ...options, store: memoryStore() });
    const props = withSession(async (session, _context: { req: IncomingMessage; res: ServerResponse }) => ({
      props: { views: await session.update('views', (views = 0) => views + 1) },
    }));
    const answer = await ask(async (req, res) => {
      const given = await props({ req, res });
      res.end(JSON.stringify(given));
    });
    expect(await answer.json()).toEqual({ props: { views: 1 } });
    expect(answer.headers.getSetCookie()).toHaveLength(1);
  });

  it('leaves the response alone that `next dev` hands over, once the props are there', async () => {
    const { withSession } = createPagesSessions({ ...options, store: memoryStore() });
    const props = withSession(async (session, _context: { req: IncomingMessage; res: ServerResponse }) => {
      session.views = 1;
      return { props: {} };
    });
    let isOver = false;
    const late: PropertyKey[] = [];
    const answer = await ask(async (req, response) => {
      // As Next.js does it.
      const res = new Proxy(response, {
        get(target, name) {
          if (isOver) late.push(name);
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
      await props({ req, res });
      isOver = true;
      response.end('the page');
    });
    expect([await answer.text(), answer.headers.getSetCookie().length, late]).toEqual(['the page', 1, []]);
  });

  it('whose session cannot be read has answered 503, and gives Next.js props that it does not use', async () => {
    const cookie = await cookieOf(memoryStore());
    const { withSession } = createPagesSessions({ ...options, store: failing('read') });
    const props = withSession((session, _context: { req: IncomingMessage; res: ServerResponse }) => ({
      props: { views: session.views ?? 0 },
    }));
    let given: unknown;
    const answer = await ask(async (req, res) => (given = await props({ req, res })), cookie);
    expect([answer.status, given]).toEqual([503, { props: {} }]);
  });
});

describe('getStaticProps', () => {
  it('has no request, and is told what to use', async () => {
    const { withSession } = createPagesSessions({ ...options, store: memoryStore() });
    const props: unknown = withSession((session, _context: { req: IncomingMessage; res: ServerResponse }) => ({
      props: { views: session.views ?? 0 },
    }));
    if (typeof props !== 'function') throw new Error('no function');
    // What Next.js calls it with. The compiler refuses it; JavaScript does not.
    await expect(Reflect.apply(props, undefined, [{ params: {}, locales: undefined }])).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('Use getServerSideProps'),
    });
  });
});
