import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer, request } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

import { afterEach, describe, expect, it } from 'vitest';

import { SessError } from '../errors.ts';
import { holdResponse } from './hold-response.ts';
import type { ResponseWork } from './response-work.ts';
import type { SessionHeaders } from './session-headers.ts';

const headers: SessionHeaders = { vary: true, setCookie: 'sid=token', fault: false };
const unavailable = (): SessError => new SessError('STORE_UNAVAILABLE', 'redis at 10.0.0.7 does not answer');

const endings: (() => void)[] = [];

afterEach(() => {
  for (const end of endings.splice(0).toReversed()) end();
});

type Protocol = 'http1' | 'http2';
type Handler = (response: ServerResponse, request: IncomingMessage) => void;

/** What a client sees of an answer. */
interface Asked {
  status: number | undefined;
  cookie: unknown;
  body: string;
  /** Settled when the answer is whole, or will never be. */
  done: Promise<'whole' | 'broken'>;
  /** Until this has come back, all that the server has sent has come too. */
  roundTrip(): Promise<unknown>;
  leave(): void;
}

async function ask(protocol: Protocol, method: string, handler: Handler): Promise<Asked> {
  return protocol === 'http1' ? askHttp1(method, handler) : askHttp2(method, handler);
}

async function askHttp1(method: string, handler: Handler): Promise<Asked> {
  const arrived = barrier<IncomingMessage>();
  const server = createServer((req, res) => {
    arrived.resolve(req);
    handler(res, req);
  });
  server.listen(0, '127.0.0.1');
  endings.push(() => (server.closeAllConnections(), server.close()));
  await once(server, 'listening');
  const client = request({ port: portOf(server), method, agent: false });
  const asked: Asked = {
    status: undefined,
    cookie: undefined,
    body: '',
    done: new Promise((resolve) => {
      client.on('error', () => resolve('broken')).on('close', () => resolve('broken'));
      client.on('response', (response) => {
        asked.status = response.statusCode;
        asked.cookie = response.headers['set-cookie'];
        response.setEncoding('latin1').on('data', (text: string) => (asked.body += text));
        response.on('end', () => resolve(response.complete ? 'whole' : 'broken')).on('error', () => resolve('broken'));
      });
    }),
    async roundTrip() {
      const { socket } = await arrived.promise;
      const seen = new Promise((resolve) => client.once('information', resolve));
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </last>; rel=preload\r\n\r\n');
      await Promise.race([seen, asked.done]);
    },
    leave: () => client.destroy(),
  };
  client.end();
  return asked;
}

async function askHttp2(method: string, handler: Handler): Promise<Asked> {
  const server = createHttp2Server();
  // The layer imitates ServerResponse; as frameworks do, this takes it for one.
  server.on('request', (req: IncomingMessage, res: ServerResponse) => handler(res, req));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const session = connectHttp2(`http://127.0.0.1:${portOf(server)}`).on('error', () => {});
  endings.push(() => (session.destroy(), server.close()));
  const stream = session.request({ ':method': method });
  const asked: Asked = {
    status: undefined,
    cookie: undefined,
    body: '',
    done: new Promise((resolve) => {
      stream.on('response', (head) => {
        asked.status = head[':status'];
        asked.cookie = head['set-cookie'];
      });
      stream.setEncoding('latin1').on('data', (text: string) => (asked.body += text));
      stream.on('error', () => resolve('broken'));
      stream.on('close', () => resolve(stream.rstCode === 0 ? 'whole' : 'broken'));
    }),
    roundTrip: () => new Promise((resolve) => session.ping(resolve)),
    leave: () => stream.close(8),
  };
  stream.end();
  return asked;
}

function portOf(server: { address(): unknown }): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null || !('port' in address)) throw new Error('not listening');
  return Number(address.port);
}

function barrier<T = void>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((yes) => (resolve = yes));
  return { promise, resolve: (value) => resolve(value) };
}

/** Lets everything run that needs no barrier of the test. */
async function settle(): Promise<void> {
  for (let n = 0; n < 10; n++) await turn();
}

/** A session's work that is written down. */
function workOf(overrides: Partial<ResponseWork>): ResponseWork & { log: string[] } {
  const log: string[] = [];
  return {
    log,
    commit(status, isEnded) {
      log.push('commit');
      return overrides.commit?.(status, isEnded) ?? headers;
    },
    commitLate(isHeld) {
      log.push('commitLate');
      return overrides.commitLate?.(isHeld);
    },
    seal: () => void log.push('seal'),
    abandon: () => void log.push('abandon'),
  };
}

const commits: Record<string, () => SessionHeaders | Promise<SessionHeaders>> = {
  'at once': () => headers,
  later: () => settle().then(() => headers),
};

/** Answers that are whole with their head. */
const kinds: Record<string, { method: string; status: number; prepare(res: ServerResponse): void }> = {
  HEAD: { method: 'HEAD', status: 200, prepare: (res) => void res.setHeader('Content-Length', 5) },
  '204': { method: 'GET', status: 204, prepare: (res) => void (res.statusCode = 204) },
  '304': { method: 'GET', status: 304, prepare: (res) => void (res.statusCode = 304) },
  'Content-Length: 0': { method: 'GET', status: 200, prepare: (res) => void res.setHeader('Content-Length', 0) },
};

const beginnings: Record<string, (res: ServerResponse, kind: string) => void> = {
  flushHeaders: (res) => res.flushHeaders(),
  writeHead: (res) => void res.writeHead(res.statusCode),
  'writeHead and flushHeaders': (res) => res.writeHead(res.statusCode).flushHeaders(),
  'a write that comes to nothing': (res, kind) => void res.write(kind.includes('Length') ? '' : 'never'),
  'flushHeaders and a write that comes to nothing'(res, kind) {
    res.flushHeaders();
    res.write(kind.includes('Length') ? '' : 'never');
  },
};

const protocols: readonly Protocol[] = ['http1', 'http2'];
const cases = protocols.flatMap((protocol) =>
  Object.keys(kinds).flatMap((kind) => Object.keys(commits).map((commit) => ({ protocol, kind, commit }))),
);

describe('an answer that is whole with its head leaves when the app has ended it, and all is stored', () => {
  for (const [begun, begin] of Object.entries(beginnings)) {
    it.each(cases)(`$protocol, $kind, ${begun}, commit $commit`, async ({ protocol, kind, commit }) => {
      const { method, status, prepare } = kinds[kind]!;
      for (const fails of [false, true]) {
        const late = barrier();
        const work = workOf({
          commit: commits[commit]!,
          commitLate: () => late.promise.then(() => (fails ? Promise.reject(unavailable()) : undefined)),
        });
        const arrived = barrier<ServerResponse>();
        const asked = await ask(protocol, method, (res) => {
          res.on('error', () => {});
          holdResponse(res, work);
          prepare(res);
          begin(res, kind);
          arrived.resolve(res);
        });
        const res = await arrived.promise;
        await settle();
        await settle();
        await asked.roundTrip();
        expect([asked.status, work.log]).toEqual([undefined, ['commit']]);
        res.end();
        await asked.roundTrip();
        expect([asked.status, work.log]).toEqual([undefined, ['commit', 'commitLate', 'seal']]);
        late.resolve();
        const outcome = await asked.done;
        const isWhole = outcome === 'whole' && asked.status !== 503;
        expect(isWhole).toBe(!fails);
        const { status: seen, cookie, body } = asked;
        expect(isWhole ? [seen, cookie, body] : []).toEqual(fails ? [] : [status, ['sid=token'], '']);
        asked.leave();
      }
    });
  }
});

describe('while it waits for its end', () => {
  it.each(cases)('$protocol, $kind, commit $commit: it looks sent, and not ended', async (of) => {
    const arrived = barrier<ServerResponse>();
    const asked = await ask(of.protocol, kinds[of.kind]!.method, (res) => {
      holdResponse(res, workOf({ commit: commits[of.commit]! }));
      kinds[of.kind]!.prepare(res);
      res.flushHeaders();
      arrived.resolve(res);
    });
    const res = await arrived.promise;
    await settle();
    await settle();
    expect([res.headersSent, res.writableEnded, res.writableNeedDrain]).toEqual([true, false, false]);
    expect(() => res.setHeader('X', 'y')).toThrow(/./);
    res.statusCode = 500;
    res.end();
    expect(await asked.done).toBe('whole');
    expect(asked.status).toBe(kinds[of.kind]!.status);
  });

  const discarding = cases.filter(({ kind }) => kind !== 'Content-Length: 0');

  it.each(discarding)('$protocol, $kind, commit $commit: a body that is discarded flows', async (of) => {
    const work = workOf({ commit: commits[of.commit]! });
    const log: string[] = [];
    const asked = await ask(of.protocol, kinds[of.kind]!.method, (res) => {
      holdResponse(res, work);
      kinds[of.kind]!.prepare(res);
      res.flushHeaders();
      const chunks = Array.from({ length: 40 }, () => Buffer.alloc(10_000));
      Readable.from(chunks)
        .on('end', () => log.push('read to its end'))
        .pipe(res);
    });
    expect(await asked.done).toBe('whole');
    expect(log).toEqual(['read to its end']);
    expect(work.log).toEqual(['commit', 'commitLate', 'seal']);
    expect(asked.body).toBe('');
  });

  it.each(discarding)('$protocol, $kind, commit $commit: the callback of a write comes', async (of) => {
    const log: string[] = [];
    const asked = await ask(of.protocol, kinds[of.kind]!.method, (res) => {
      holdResponse(res, workOf({ commit: commits[of.commit]! }));
      kinds[of.kind]!.prepare(res);
      res.flushHeaders();
      res.write('one', (error) => {
        log.push(`one ${error}`);
        res.cork();
        res.write('dHdv', 'base64', (later) => {
          log.push(`two ${later}`);
          res.end('three', () => log.push('ended'));
        });
        res.uncork();
      });
    });
    expect(await asked.done).toBe('whole');
    await settle();
    expect([log, asked.body]).toEqual([['one undefined', 'two undefined', 'ended'], '']);
  });

  it.each(cases)('$protocol, $kind, commit $commit: a second head is refused as ever', async (of) => {
    const thrown = barrier<unknown>();
    const asked = await ask(of.protocol, kinds[of.kind]!.method, (res) => {
      holdResponse(res, workOf({ commit: commits[of.commit]! }));
      kinds[of.kind]!.prepare(res);
      res.writeHead(res.statusCode).flushHeaders();
      void settle()
        .then(settle)
        .then(() => {
          try {
            res.writeHead(200);
          } catch (error) {
            thrown.resolve(error);
          }
          res.end();
        });
    });
    expect(await thrown.promise).toMatchObject({ code: expect.stringMatching(/HEADERS_SENT$/) });
    expect(await asked.done).toBe('whole');
    expect(asked.status).toBe(kinds[of.kind]!.status);
  });

  // Of a HEAD that is broken off before its answer http2 tells the response nothing.
  const told = cases.filter(({ protocol, kind }) => protocol === 'http1' || kind !== 'HEAD');

  it.each(told)('$protocol, $kind, commit $commit: an app that destroys it leaves nothing behind', async (of) => {
    const work = workOf({ commit: commits[of.commit]! });
    const closed = barrier();
    const asked = await ask(of.protocol, kinds[of.kind]!.method, (res) => {
      holdResponse(res, work);
      kinds[of.kind]!.prepare(res);
      res.flushHeaders();
      res.on('close', closed.resolve);
      void settle()
        .then(settle)
        .then(() => res.destroy());
    });
    await asked.done;
    await closed.promise;
    expect(asked.status).toBeUndefined();
    expect(work.log).toEqual(['commit', 'abandon']);
  });

  it.each(told)('$protocol, $kind, commit $commit: a client that goes away is seen to go', async (of) => {
    const work = workOf({ commit: commits[of.commit]! });
    const closed = barrier<ServerResponse>();
    const arrived = barrier();
    const asked = await ask(of.protocol, kinds[of.kind]!.method, (res) => {
      holdResponse(res, work);
      kinds[of.kind]!.prepare(res);
      res.flushHeaders();
      res.on('close', () => closed.resolve(res));
      arrived.resolve();
    });
    await arrived.promise;
    await settle();
    await settle();
    asked.leave();
    const res = await closed.promise;
    res.write('late');
    res.end();
    await settle();
    expect(work.log).toEqual(['commit', 'abandon']);
  });
});

describe('a body that is more than its head allows for', () => {
  it.each(Object.keys(commits))('is Node’s affair, and its writer is not kept waiting: commit %s', async (commit) => {
    const log: string[] = [];
    const asked = await ask('http1', 'GET', (res) => {
      holdResponse(res, workOf({ commit: commits[commit]! }));
      res.statusCode = 205;
      res.flushHeaders();
      const chunks = Array.from({ length: 40 }, () => Buffer.alloc(10_000));
      Readable.from(chunks)
        .on('end', () => log.push('read to its end'))
        .pipe(res);
    });
    expect(await asked.done).toBe('whole');
    expect([asked.status, asked.body.length, log]).toEqual([205, 400_000, ['read to its end']]);
  });

  it.each(cases.filter(({ kind }) => kind === 'Content-Length: 0'))(
    '$protocol, $kind, commit $commit: is as broken as without a hold',
    async (of) => {
      const log: string[] = [];
      const closed = barrier();
      const asked = await ask(of.protocol, 'GET', (res) => {
        res.on('error', () => {}).on('close', closed.resolve);
        holdResponse(res, workOf({ commit: commits[of.commit]! }));
        kinds[of.kind]!.prepare(res);
        res.flushHeaders();
        let left = 40;
        const more = (): void => {
          log.push('more');
          if (left-- === 0) res.end();
          else res.write(Buffer.alloc(10_000), more);
        };
        void settle().then(settle).then(more);
      });
      await asked.done;
      await closed.promise;
      // The writer's second turn: the first write was let go.
      expect(log.length).toBeGreaterThan(1);
    },
  );

  it.each(Object.keys(commits))('an error page in the place of a 204 that http2 refuses: commit %s', async (commit) => {
    const asked = await ask('http2', 'GET', (res) => {
      holdResponse(res, workOf({ commit: commits[commit]! }));
      try {
        res.writeHead(204, { ':path': '/' });
      } catch {
        res.writeHead(500, { 'content-type': 'text/plain' });
        res.write('sorry', () => res.end('!'));
      }
    });
    expect(await asked.done).toBe('whole');
    expect([asked.status, asked.body]).toEqual([500, 'sorry!']);
  });
});
