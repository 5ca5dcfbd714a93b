import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type Http2Server, connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { createRequire } from 'node:module';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, pipeline } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { SessError } from '../errors.ts';
import { holdResponse } from './hold-response.ts';
import type { ResponseWork } from './response-work.ts';
import type { SessionHeaders } from './session-headers.ts';

const nothing: SessionHeaders = { vary: false, fault: false };
const cookie = 'sid=token; Path=/; HttpOnly';

type Log = (line: string) => void;
type Handler = (response: ServerResponse, log: Log, request: IncomingMessage) => void;

const open: { server: Server; sockets: Set<Socket> }[] = [];
const stray: unknown[] = [];
const noteStray = (error: unknown): void => void stray.push(error);

let folder: string;
let file: string;
const fileBytes = Buffer.alloc(5_000_000, 'The session was committed before this byte left. ');

beforeAll(async () => {
  process.on('unhandledRejection', noteStray).on('uncaughtException', noteStray);
  folder = await mkdtemp(join(tmpdir(), 'response-hold-'));
  file = join(folder, 'five-megabytes');
  await writeFile(file, fileBytes);
});

afterAll(async () => {
  process.off('unhandledRejection', noteStray).off('uncaughtException', noteStray);
  await rm(folder, { recursive: true });
});

afterEach(async () => {
  for (const { server, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
  await turn();
  if (stray.length > 0) throw new AggregateError(stray.splice(0), 'nothing may come from here');
});

async function serve(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === '/bye') response.end('bye');
    else handler(request, response);
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  open.push({ server, sockets });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return address.port satisfies AddressInfo['port'];
}

/** A client that sees bytes. */
class Wire {
  readonly socket: Socket;
  readonly closed: Promise<string>;
  readonly #chunks: Buffer[] = [];

  constructor(server: Server) {
    this.socket = connect(portOf(server), '127.0.0.1');
    this.socket.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve(this.text)));
  }

  get text(): string {
    return Buffer.concat(this.#chunks)
      .toString('latin1')
      .replaceAll(/^Date: .*\r\n/gm, 'Date: then\r\n');
  }

  send(line: string, headers = ''): void {
    this.socket.write(`${line}${line.includes('HTTP/') ? '' : ' HTTP/1.1'}\r\nHost: x\r\n${headers}\r\n`);
  }

  /** Polls, for what the system's network does in its own time. */
  async saw(text: string): Promise<void> {
    await until(() => this.text.includes(text));
  }
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('waited 5 s in vain');
    await turn();
  }
}

/** `{body}` in place of its chunks: Node.js 26 joins those of one turn, the versions before it do not. */
function joinChunks(text: string): string {
  const head = /^[^]*?Transfer-Encoding: chunked\r\n(?:[^\r]+\r\n)*\r\n/.exec(text)?.[0];
  if (head === undefined) return text;
  let body = '';
  let rest = text.slice(head.length);
  for (let length = -1; length !== 0;) {
    const size = /^[0-9a-f]+\r\n/.exec(rest)?.[0];
    // Not all of it came, or there is none, as with HEAD.
    if (size === undefined) return text;
    length = Number.parseInt(size, 16);
    body += rest.slice(size.length, size.length + length);
    rest = rest.slice(size.length + length + (length === 0 ? 0 : 2));
  }
  return `${head}{${body}}${joinChunks(rest)}`;
}

const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4);

/** Lets everything run that needs no barrier of the test. */
async function settle(): Promise<void> {
  for (let n = 0; n < 10; n++) await turn();
}

interface Barrier<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

function barrier<T = void>(): Barrier<T> {
  let resolve: Barrier<T>['resolve'] = () => {};
  let reject: Barrier<T>['reject'] = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** A session's work that is written down. */
function workOf(overrides: Partial<ResponseWork>, log: string[] = []): ResponseWork & { log: string[] } {
  return {
    log,
    commit(status, isEnded) {
      log.push('commit');
      return overrides.commit?.(status, isEnded) ?? nothing;
    },
    commitLate(isHeld) {
      log.push('commitLate');
      return overrides.commitLate?.(isHeld);
    },
    seal: () => void log.push('seal'),
    abandon: () => void log.push('abandon'),
  };
}

/** Written past the response, after what should not have left: seen alone, it proves that nothing did. */
const marker = 'HTTP/1.1 103 Early Hints\r\nLink: </last>; rel=preload\r\n\r\n';

const unavailable = (): SessError => new SessError('STORE_UNAVAILABLE', 'redis at 10.0.0.7 does not answer');

const bareBody =
  '{"code":"STORE_UNAVAILABLE","error":"The session could not be stored. Please try again in a moment."}';
const bare503 = [
  'HTTP/1.1 503 Service Unavailable',
  'Retry-After: 1',
  'Cache-Control: no-store',
  'Content-Type: application/json; charset=utf-8',
  `Content-Length: ${bareBody.length}`,
  'Date: then',
].join('\r\n');

/** What apps do with a response. Each logs what it can see of it. */
const shapes: Record<string, { handler: Handler; request?: string; headers?: string; lines?: number }> = {
  'end with a string': { handler: (res) => void res.end('hello') },
  'end with a string and an encoding': { handler: (res) => void res.end('68c3a9', 'hex') },
  'end with a buffer and a callback': { handler: (res, log) => void res.end(Buffer.from('hello'), () => log('ended')) },
  'end with nothing': { handler: (res) => void res.end() },
  'end with a callback only': { handler: (res, log) => void res.end(() => log('ended')) },
  'a status and headers set before': {
    handler(res) {
      res.statusCode = 418;
      res.statusMessage = 'Short and stout';
      res.setHeader('X-Kind', 'teapot');
      res.setHeader('Set-Cookie', ['a=1', 'b=2']);
      res.end('tea');
    },
  },
  'write, write, end': {
    handler(res, log) {
      res.on('finish', () => log('finish')).on('close', () => log('close'));
      log(`write ${res.write('one', () => log('written one'))}`);
      log(`write ${res.write('dHdv', 'base64', () => log('written two'))}`);
      log(`sent ${res.headersSent}, ended ${res.writableEnded} ${res.finished}`);
      res.end('three', () => log('end called back'));
      log(`sent ${res.headersSent}, ended ${res.writableEnded} ${res.finished}`);
    },
  },
  'write in later turns': {
    handler(res) {
      res.write('one');
      void (async () => {
        for (let n = 0; n < 20; n++) {
          await turn();
          res.write(`piece ${n}`);
        }
        res.end();
      })();
    },
  },
  'writeHead with an object': {
    handler(res) {
      res.writeHead(201, { 'Content-Type': 'text/plain', 'X-Many': ['a', 'b'] });
      res.end('made');
    },
  },
  'writeHead with a message and an object, over headers set before': {
    handler(res) {
      res.setHeader('Content-Type', 'text/html').setHeader('X-Kept', 1);
      res.writeHead(201, 'Made It', { 'content-type': 'text/plain', 'Content-Length': 4 }).end('made');
    },
  },
  'writeHead with a flat array': {
    handler: (res) =>
      void res.writeHead(200, ['X-One', '1', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Two', '2']).end('ok'),
  },
  'writeHead with a flat array and a message': {
    handler: (res) => void res.writeHead(200, 'Fine', ['X-One', '1', 'X-Two', '2']).end('ok'),
  },
  'writeHead with an array of pairs (CVE-2025-7339)': {
    handler: (res) =>
      void res
        .writeHead(200, [
          ['X-One', '1'],
          ['X-Two', '2'],
          ['X-Two', '3'],
        ])
        .end('ok'),
  },
  'writeHead with nothing, twice': {
    handler(res, log) {
      res.writeHead(202);
      attempt(log, () => res.writeHead(200));
      res.end('ok');
    },
  },
  'a writeHead that Node refuses, then an error page': {
    handler(res, log) {
      attempt(log, () => res.writeHead(42));
      attempt(log, () => res.writeHead(200, { 'X-Bad': 'a\nb' }));
      attempt(log, () => res.writeHead(200, 'a\nb'));
      res.statusMessage = '';
      attempt(log, () => res.writeHead(200, ['X-Odd']));
      log(`sent ${res.headersSent}`);
      res.statusMessage = '';
      // As frameworks do before they write an error page.
      for (const name of res.headersSent ? [] : res.getHeaderNames()) res.removeHeader(name);
      res.writeHead(500, { 'Content-Type': 'text/plain' }).end('sorry');
    },
  },
  'a status that Node refuses, then an error page': {
    handler(res, log) {
      res.statusCode = 20_000;
      attempt(log, () => res.end('x'));
      attempt(log, () => res.write('x'));
      res.statusCode = 500;
      res.removeHeader('Content-Length');
      res.writeHead(500, { 'Content-Length': 5 }).end('sorry');
    },
  },
  'chunks that Node refuses': {
    handler(res, log) {
      attempt(log, () => res.write(null));
      attempt(log, () => res.write(42));
      attempt(log, () => res.end({}));
      log(`sent ${res.headersSent}`);
      res.end('right');
    },
  },
  'flushHeaders, then end': {
    handler(res, log) {
      res.setHeader('X-Early', 'yes');
      res.flushHeaders();
      log(`sent ${res.headersSent}`);
      setImmediate(() => res.end('body'));
    },
  },
  'headers after the head': {
    handler(res, log) {
      res.setHeader('X-Before', 'b');
      res.write('x');
      log(`sent ${res.headersSent}`);
      attempt(log, () => res.setHeader('X', 'y'));
      attempt(log, () => res.appendHeader('X', 'y'));
      attempt(log, () => res.removeHeader('X'));
      attempt(log, () => res.setHeaders(new Map([['X', 'y']])));
      attempt(log, () => res.writeHead(200));
      log(`${JSON.stringify(res.getHeaders())} ${res.hasHeader('x')} ${res.statusMessage}`);
      res.statusCode = 500;
      res.statusMessage = 'Never sent';
      res.end('z');
      log(`status ${res.statusCode}`);
    },
  },
  'a pipe of a file': { handler: (res) => void createReadStream(file).pipe(res) },
  'a pipeline of a file with its length': {
    lines: 1,
    handler(res, log) {
      res.setHeader('Content-Length', fileBytes.length);
      pipeline(createReadStream(file), res, (error) => log(`pipeline ${error?.message}`));
    },
  },
  'a loop that waits for drain': {
    handler(res, log) {
      let left = 40;
      let waits = 0;
      const more = (): void => {
        while (left-- > 0) {
          if (!res.write(Buffer.alloc(10_000, 'x'))) {
            if (waits++ === 0) log(`needs drain ${res.writableNeedDrain}`);
            res.once('drain', more);
            return;
          }
        }
        res.end();
        log(`waited ${waits > 0}`);
      };
      more();
    },
  },
  'HEAD with end(body)': { request: 'HEAD /', handler: (res) => void res.end('hello') },
  'HEAD with a length, pipe and flush': {
    request: 'HEAD /',
    handler(res) {
      res.writeHead(200, { 'Content-Length': fileBytes.length });
      res.flushHeaders();
      createReadStream(file).pipe(res);
    },
  },
  'HEAD with flushHeaders, then a pipe': {
    request: 'HEAD /',
    handler(res) {
      res.flushHeaders();
      createReadStream(file).pipe(res);
    },
  },
  '204': { handler: (res) => void res.writeHead(204).end() },
  '204 with a body that must not leave': {
    handler(res, log) {
      res.statusCode = 204;
      res.write('no', () => log('written'));
      res.end('no');
    },
  },
  '304 with an ETag': {
    handler(res) {
      res.setHeader('ETag', '"1"');
      res.statusCode = 304;
      res.end();
    },
  },
  'an explicit Content-Length in several writes': {
    handler(res, log) {
      res.setHeader('Content-Length', 9);
      res.write('one');
      log(`write ${res.write('three3')}`);
      setImmediate(() => res.end(() => log('ended')));
    },
  },
  'an explicit Content-Length and the next step in the callback of the last write': {
    handler(res) {
      res.writeHead(200, { 'content-length': '5' });
      res.write('hello', () => res.end());
    },
  },
  'a body longer than its Content-Length': {
    handler(res) {
      res.setHeader('Content-Length', 3);
      res.setHeader('Connection', 'close');
      res.write('four');
      res.end('more');
    },
  },
  'a strict length that does not fit': {
    handler(res, log) {
      res.strictContentLength = true;
      res.setHeader('Content-Length', 5);
      res.write('he');
      res.write('llo');
      res.end();
      log('ended');
    },
  },
  'no body but Content-Length: 0 and a flush': {
    handler(res) {
      res.writeHead(200, { 'Content-Length': 0 });
      res.flushHeaders();
      setImmediate(() => res.end());
    },
  },
  trailers: {
    handler(res) {
      res.setHeader('Trailer', 'X-Sum');
      res.write('data');
      res.addTrailers({ 'X-Sum': '42' });
      res.end();
    },
  },
  'removed headers': {
    handler(res) {
      for (const name of ['Date', 'Connection']) res.removeHeader(name);
      res.end('quiet');
    },
  },
  'Connection: close': {
    handler(res) {
      res.setHeader('Connection', 'close');
      res.end('last');
    },
  },
  'HTTP/1.0 without a length': {
    request: 'GET / HTTP/1.0',
    handler(res) {
      res.write('till ');
      res.end('the end');
    },
  },
  'cork and uncork': {
    handler(res, log) {
      res.cork();
      res.write('a');
      res.write('b');
      log(`corked ${res.writableCorked > 0}`);
      res.uncork();
      res.cork();
      res.end('c');
    },
  },
  'end twice': {
    handler(res, log) {
      res.on('finish', () => log('finish'));
      res.end('once', () => log('first'));
      res.end(() => log('second'));
      res.on('close', () => res.end((error?: Error) => log(`third ${codeOf(error)}`)));
    },
  },
  'write and end after end': {
    handler(res, log) {
      res.on('error', (error) => log(`error ${codeOf(error)}`));
      res.end('once');
      log(`write ${res.write('more', (error) => log(`write called back ${codeOf(error)}`))}`);
      res.end('more', () => log('end called back'));
      log(`ended ${res.writableEnded}`);
    },
  },
  'early hints and processing': {
    handler(res) {
      res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
      res.writeProcessing();
      res.end('late');
    },
  },
  'Expect: 100-continue': {
    request: 'POST /',
    headers: 'Expect: 100-continue\r\nContent-Length: 0\r\n',
    handler: (res) => void res.end('went on'),
  },
  'a Readable that is piped after its source took time': {
    handler(res) {
      Readable.from(
        (async function* () {
          for (const part of ['a', 'b', 'c']) {
            await turn();
            yield part;
          }
        })(),
      ).pipe(res);
    },
  },
  'an inherited call of _implicitHeader, as older libraries do': {
    handler(res) {
      const { end } = res;
      Reflect.apply(Reflect.get(res, '_implicitHeader'), res, []);
      Reflect.apply(end, res, ['old']);
    },
  },
};

function attempt(log: Log, call: () => unknown): void {
  try {
    call();
    log('no error');
  } catch (error) {
    log(`threw ${codeOf(error)}: ${error instanceof Error ? error.message : ''}`);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

interface Seen {
  wire: string;
  log: string[];
}

async function run(shape: string, hold: (response: ServerResponse) => void): Promise<Seen> {
  const { handler, request = 'GET /', headers, lines = 0 } = shapes[shape]!;
  const log: string[] = [];
  const closed = barrier();
  const server = await serve((req, res) => {
    hold(res);
    handler(res, (line) => log.push(line), req);
    res.on('close', closed.resolve);
  });
  const wire = new Wire(server);
  wire.send(request, headers);
  if (!request.includes('HTTP/1.0')) wire.send('GET /bye', 'Connection: close\r\n');
  const text = await wire.closed;
  await closed.promise;
  await until(() => log.length >= lines);
  await settle();
  return { wire: joinChunks(text), log };
}

const names = Object.keys(shapes);

describe('the same bytes and the same sights as without a hold', () => {
  it.each(names)('%s, commit at once', async (shape) => {
    const bare = await run(shape, () => {});
    const held = await run(shape, (res) => holdResponse(res, workOf({})));
    expect(held).toEqual(bare);
  });

  it.each(names)('%s, commit takes time', async (shape) => {
    const bare = await run(shape, () => {});
    const held = await run(shape, (res) => holdResponse(res, workOf({ commit: () => settle().then(() => nothing) })));
    expect(held).toEqual(bare);
  });

  it.each(names)('%s, both commits take time', async (shape) => {
    const bare = await run(shape, () => {});
    const held = await run(shape, (res) =>
      holdResponse(res, workOf({ commit: () => settle().then(() => nothing), commitLate: settle })),
    );
    expect(held).toEqual(bare);
  });

  it.each(names)('%s, with the session’s own headers besides', async (shape) => {
    const headers = { vary: true, setCookie: cookie, fault: false };
    const bare = await run(shape, () => {});
    for (const commit of [() => headers, () => settle().then(() => headers)]) {
      const held = await run(shape, (res) => holdResponse(res, workOf({ commit })));
      const ours = ['Vary: Cookie', `Set-Cookie: ${cookie}`, 'Cache-Control: private, no-store'];
      for (const line of ours) expect(held.wire.split('\r\n')).toContain(line);
      expect(ours.reduce((text, line) => text.replace(`${line}\r\n`, ''), held.wire)).toBe(bare.wire);
    }
  });
});

/** A server whose handler gets a held response, and the work that was done. */
async function serveHeld(
  overrides: Partial<ResponseWork>,
  handler: Handler,
): Promise<{ server: Server; work: ReturnType<typeof workOf>; log: string[] }> {
  const work = workOf(overrides);
  const log: string[] = [];
  const server = await serve((req, res) => {
    holdResponse(res, work);
    handler(res, (line) => log.push(line), req);
  });
  return { server, work, log };
}

describe('before the commit', () => {
  it.each(names)('nothing leaves: %s', async (shape) => {
    const commit = barrier<SessionHeaders>();
    const begun = barrier();
    const { handler, request = 'GET /', headers } = shapes[shape]!;
    const { server } = await serveHeld({ commit: () => (begun.resolve(), commit.promise) }, (res, log, req) => {
      handler(res, log, req);
      // A cork from before the answer is the app's own affair; it must not fool this test.
      while (req.socket.writableCorked > 0) req.socket.uncork();
      req.socket.write(marker);
    });
    const wire = new Wire(server);
    wire.send(request, headers);
    await begun.promise;
    await settle();
    await wire.saw('</last>');
    await settle();
    expect(
      wire.text.split('\r\n').filter((line) => line.startsWith('HTTP/') && !line.startsWith('HTTP/1.1 1')),
    ).toEqual([]);
    expect(wire.text.endsWith(marker)).toBe(true);
    commit.resolve(nothing);
    await until(() => /^HTTP\/1.1 [2-5]/m.test(wire.text));
  });

  it('a cork of the app is not one of the connection', async () => {
    const commit = barrier<SessionHeaders>();
    const { server, log } = await serveHeld({ commit: () => commit.promise }, (res, note, req) => {
      res.write('one');
      res.cork();
      res.write('two');
      note(`corked ${res.writableCorked}`);
      req.socket.write(marker);
    });
    const wire = new Wire(server);
    wire.send('GET /');
    await wire.saw('</last>');
    expect([wire.text.includes('200'), ...log]).toEqual([false, 'corked 1']);
    commit.resolve(nothing);
  });

  it('an answer at once is sent within the call, and a held one leaves no trace on the response', async () => {
    const own = (res: ServerResponse): string[] =>
      Object.getOwnPropertyNames(res).filter((name) => name !== '_eventsCount');
    for (const commit of [() => nothing, () => settle().then(() => nothing)]) {
      let before: string[] = [];
      let response: ServerResponse | undefined;
      let sentAtOnce: unknown;
      const { server, work } = await serveHeld({ commit }, (res) => {
        before = own(res);
        res.end('now');
        sentAtOnce = Reflect.get(res, '_headerSent');
        response = res;
      });
      const wire = new Wire(server);
      wire.send('GET /', 'Connection: close\r\n');
      expect(bodyOf(await wire.closed)).toBe('now');
      expect(work.log).toEqual(['commit', 'seal']);
      expect(sentAtOnce).toBe(commit() === nothing);
      expect(own(response!).toSorted()).toEqual([...new Set([...before, 'statusMessage', 'statusCode'])].toSorted());
    }
  });

  it('the end looks done, and not finished', async () => {
    const commit = barrier<SessionHeaders>();
    const { server, log } = await serveHeld({ commit: () => commit.promise }, (res, note) => {
      res.end('x');
      const { headersSent, writableEnded, finished, writableFinished, writableNeedDrain, writableLength } = res;
      note(
        JSON.stringify({ headersSent, writableEnded, finished, writableFinished, writableNeedDrain, writableLength }),
      );
      res.on('finish', () => note(`finished ${res.writableFinished}`));
      commit.resolve(nothing);
    });
    const wire = new Wire(server);
    wire.send('GET /', 'Connection: close\r\n');
    await wire.closed;
    expect(log).toEqual([
      '{"headersSent":true,"writableEnded":true,"finished":true,"writableFinished":false,"writableNeedDrain":false,"writableLength":1}',
      'finished true',
    ]);
  });

  it('a server that closes meanwhile waits for the answer', async () => {
    for (const method of ['close', 'closeIdleConnections'] as const) {
      const commit = barrier<SessionHeaders>();
      const { server, log } = await serveHeld({ commit: () => commit.promise }, (res, note) => {
        res.end('stored and told');
        note('ended');
      });
      const wire = new Wire(server);
      wire.send('GET /');
      await until(() => log.length > 0);
      await settle();
      server[method]();
      await settle();
      commit.resolve(nothing);
      await wire.saw('stored and told');
      // And closes it as any other then.
      server.closeIdleConnections();
      expect(bodyOf(await wire.closed)).toBe('stored and told');
    }
  });

  it('a server that closes waits for an answer that is held behind another one, too', async () => {
    const commits = [barrier<SessionHeaders>(), barrier<SessionHeaders>()];
    let count = 0;
    const { server, log } = await serveHeld({ commit: () => commits[count++]!.promise }, (res, note, { url }) => {
      res.end(`of ${url};`);
      note(`ended ${url}`);
    });
    const wire = new Wire(server);
    wire.send('GET /one');
    wire.send('GET /two');
    await until(() => log.length === 2);
    commits[0]!.resolve(nothing);
    await wire.saw('of /one;');
    server.closeIdleConnections();
    await settle();
    commits[1]!.resolve(nothing);
    await wire.saw('of /two;');
    expect(log).toEqual(['ended /one', 'ended /two']);
  });

  it('a client that goes away while its answer is held is seen to go', async () => {
    const commit = barrier<SessionHeaders>();
    const { server, log } = await serveHeld({ commit: () => commit.promise }, (res, note) => {
      res.on('close', () => note(`close, destroyed ${res.destroyed}`));
      res.end('x');
    });
    const wire = new Wire(server);
    wire.send('GET /');
    await settle();
    wire.socket.destroy();
    await until(() => log.length > 0);
    commit.resolve(nothing);
    await settle();
    expect(log).toEqual(['close, destroyed true']);
  });

  it('memory is bounded: write says that there is no room, and drain comes after the flush', async () => {
    const commit = barrier<SessionHeaders>();
    const { server, log } = await serveHeld({ commit: () => commit.promise }, (res, note) => {
      const room = res.writableHighWaterMark;
      let taken = 0;
      while (taken < 1e6 && res.write(Buffer.alloc(1000))) taken += 1000;
      note(`bounded ${taken < room}, waits ${res.writableNeedDrain}, holds ${res.writableLength >= room}`);
      res.once('drain', () => {
        note('drain');
        res.end();
      });
    });
    const wire = new Wire(server);
    wire.send('GET /', 'Connection: close\r\n');
    await until(() => log.length > 0);
    await settle();
    expect(log).toEqual(['bounded true, waits true, holds true']);
    commit.resolve(nothing);
    expect(await wire.closed).toContain('200 OK');
    expect(log).toEqual(['bounded true, waits true, holds true', 'drain']);
  });

  it('pipelined answers stay in order, also when the second is committed first', async () => {
    const commits = [barrier<SessionHeaders>(), barrier<SessionHeaders>()];
    let n = 0;
    const server = await serve((req, res) => {
      const commit = commits[n++]!;
      holdResponse(res, workOf({ commit: () => commit.promise }));
      res.end(req.url);
    });
    const wire = new Wire(server);
    wire.send('GET /first');
    wire.send('GET /second', 'Connection: close\r\n');
    await until(() => n === 2);
    commits[1]!.resolve({ vary: false, fault: false, setCookie: 'second=1' });
    await settle();
    expect(wire.text).toBe('');
    commits[0]!.resolve({ vary: false, fault: false, setCookie: 'first=1' });
    const text = await wire.closed;
    expect(text.match(/first=1|\/first|second=1|\/second/g)).toEqual(['first=1', '/first', 'second=1', '/second']);
  });
});

describe('the session’s headers', () => {
  async function headOf(headers: SessionHeaders, handler: Handler): Promise<string[]> {
    const lines: string[][] = [];
    for (const commit of [() => headers, () => settle().then(() => headers)]) {
      const { server } = await serveHeld({ commit }, handler);
      const wire = new Wire(server);
      wire.send('GET /', 'Connection: close\r\n');
      const text = await wire.closed;
      lines.push(text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n'));
    }
    expect(lines[0]).toEqual(lines[1]);
    return lines[0]!;
  }

  it('Vary gets Cookie once, and a star stays', async () => {
    const vary = async (value: string | string[]): Promise<string[]> => {
      const head = await headOf({ vary: true, fault: false }, (res) => void res.setHeader('Vary', value).end());
      return head.filter((line) => /^vary/i.test(line));
    };
    expect(await vary('Accept-Encoding')).toEqual(['Vary: Accept-Encoding, Cookie']);
    expect(await vary(['Origin', 'Accept'])).toEqual(['Vary: Origin, Accept, Cookie']);
    expect(await vary('accept, COOKIE')).toEqual(['Vary: accept, COOKIE']);
    expect(await vary('*')).toEqual(['Vary: *']);
    expect(await vary('')).toEqual(['Vary: Cookie']);
  });

  it.each<[string, Handler]>([
    [
      'an object',
      (res) =>
        void res.writeHead(200, { 'cache-control': 'public', vary: 'Origin', 'set-cookie': ['a=1', 'b=2'] }).end(),
    ],
    [
      'a flat array',
      (res) =>
        void res
          .writeHead(200, ['cache-control', 'public', 'vary', 'Origin', 'set-cookie', 'a=1', 'set-cookie', 'b=2'])
          .end(),
    ],
    [
      'pairs',
      (res) =>
        void res
          .writeHead(200, 'OK', [
            ['cache-control', 'public'],
            ['vary', 'Origin'],
            ['set-cookie', 'a=1'],
            ['set-cookie', 'b=2'],
          ])
          .end(),
    ],
    [
      'an object over others that were set',
      (res) => {
        res.setHeader('Set-Cookie', 'lost=1').setHeader('Cache-Control', 'max-age=9');
        res.writeHead(200, { 'Cache-Control': 'public', Vary: 'Origin', 'Set-Cookie': ['a=1', 'b=2'] }).end();
      },
    ],
    [
      'a flat array over others that were set',
      (res) => {
        res.setHeader('Set-Cookie', 'lost=1').setHeader('Cache-Control', 'max-age=9');
        res
          .writeHead(200, ['Cache-Control', 'public', 'Vary', 'Origin', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'])
          .end();
      },
    ],
    [
      'setHeader',
      (res) =>
        void res
          .setHeader('cache-control', 'public')
          .setHeader('vary', 'Origin')
          .setHeader('set-cookie', ['a=1', 'b=2'])
          .end(),
    ],
  ])('win over %s, and the app keeps its own cookies', async (_, handler) => {
    const head = await headOf({ vary: true, setCookie: cookie, fault: false }, handler);
    const ours = head
      .filter((line) => /^(cache-control|vary|set-cookie)/i.test(line))
      .map((line) => line.replace(/^[^:]*/, (name) => name.toLowerCase()));
    expect(ours.toSorted()).toEqual(
      [
        'cache-control: private, no-store',
        'set-cookie: a=1',
        'set-cookie: b=2',
        `set-cookie: ${cookie}`,
        'vary: Origin, Cookie',
      ].toSorted(),
    );
  });

  it('never reach an array that the app keeps for its next answer', async () => {
    const kept = ['theme=dark'];
    const headers = { vary: true, setCookie: cookie, fault: false };
    for (let n = 0; n < 2; n++) {
      const head = await headOf(headers, (res) => void res.writeHead(200, { 'Set-Cookie': kept }).end());
      expect(head.filter((line) => line.startsWith('Set-Cookie'))).toEqual([
        'Set-Cookie: theme=dark',
        `Set-Cookie: ${cookie}`,
      ]);
      await headOf(headers, (res) => void res.setHeader('Set-Cookie', kept).end());
    }
    expect(kept).toEqual(['theme=dark']);
  });

  it('a fault says so whatever the app writes', async () => {
    const head = await headOf(
      { vary: true, fault: true },
      (res) => void res.writeHead(500, { 'Cache-Control': 'public, max-age=60', 'Retry-After': '600' }).end(),
    );
    expect(head).toEqual(expect.arrayContaining(['Cache-Control: no-store', 'Retry-After: 1', 'Vary: Cookie']));
    expect(head.join()).not.toMatch(/set-cookie|max-age|600/i);
  });

  it('a fault behind a session that is stored says both', async () => {
    const head = await headOf({ vary: true, setCookie: cookie, fault: true }, (res) => void res.writeHead(503).end());
    expect(head).toEqual(
      expect.arrayContaining(['Cache-Control: no-store', 'Retry-After: 1', `Set-Cookie: ${cookie}`]),
    );
  });

  it('the status that the app answers with is known to the commit', async () => {
    const seen: number[] = [];
    const note = (status: number): SessionHeaders => (seen.push(status), nothing);
    await headOfStatus((res) => void res.writeHead(502).end());
    await headOfStatus((res) => void res.writeHead(403, 'No', []).end());
    await headOfStatus((res) => {
      res.statusCode = 404;
      res.end();
    });
    expect(seen).toEqual([502, 403, 404]);

    async function headOfStatus(handler: Handler): Promise<void> {
      const { server } = await serveHeld({ commit: note }, handler);
      const wire = new Wire(server);
      wire.send('GET /', 'Connection: close\r\n');
      await wire.closed;
    }
  });
});

describe('when the commit fails', () => {
  it.each(names)('the answer is a bare 503: %s', async (shape) => {
    for (const fail of [
      () => {
        throw unavailable();
      },
      () => settle().then(() => Promise.reject(unavailable())),
    ]) {
      const { handler, request = 'GET /', headers } = shapes[shape]!;
      const { server } = await serveHeld({ commit: fail }, (res, log, req) => {
        // Listening, since Node says that way that somebody writes after the end.
        res.on('error', () => {});
        handler(res, log, req);
      });
      const wire = new Wire(server);
      wire.send(request, headers);
      if (!request.includes('HTTP/1.0')) wire.send('GET /bye', 'Connection: close\r\n');
      const text = (await wire.closed)
        .replace(/^(HTTP\/1.1 1.*\r\n(Link.*\r\n)?\r\n)+/, '')
        .replace(/HTTP\/1.1 200 OK\r\nDate: then\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbye$/, '');
      const connection = /Connection: \S+\r\n(Keep-Alive: \S+\r\n)?/;
      expect(text.replace(connection, '')).toBe(`${bare503}\r\n\r\n${request.startsWith('HEAD') ? '' : bareBody}`);
    }
  });

  it('callbacks are called, events come, and the app may go on writing', async () => {
    const { server, log } = await serveHeld(
      { commit: () => settle().then(() => Promise.reject(unavailable())) },
      (res, note) => {
        res.on('finish', () => note('finish')).on('close', () => note('close'));
        res.write('secret', (error) => note(`write ${codeOf(error)}`));
        res.on('finish', () => {
          note(`more ${res.write('more', (error) => note(`more called back ${codeOf(error)}`))}`);
          res.end('end', () => note('end called back'));
          res.end();
        });
      },
    );
    const wire = new Wire(server);
    wire.send('GET /', 'Connection: close\r\n');
    expect(await wire.closed).not.toContain('secret');
    await until(() => log.includes('close'));
    await settle();
    expect(log.toSorted()).toEqual(
      [
        'close',
        'end called back',
        'finish',
        'more called back STORE_UNAVAILABLE',
        'more true',
        'write STORE_UNAVAILABLE',
      ].toSorted(),
    );
  });

  it.each(['NOT_SERIALIZABLE', 'SESSION_TOO_LARGE', 'COOKIE_TOO_LARGE'] as const)(
    '%s is the app’s bug: 500, and no promise of better times',
    async (code) => {
      const { server } = await serveHeld(
        { commit: () => Promise.reject(new SessError(code, 'session.cart holds a secret')) },
        (res) => void res.end('x'),
      );
      const wire = new Wire(server);
      wire.send('GET /', 'Connection: close\r\n');
      const text = await wire.closed;
      expect(text).toMatch(/^HTTP\/1.1 500 Internal Server Error\r\n/);
      expect(text).not.toMatch(/retry-after|secret/i);
      expect(JSON.parse(bodyOf(text))).toEqual({ code, error: 'The session could not be stored.' });
    },
  );

  it('an error that is not ours is a 503 too, and tells nothing', async () => {
    const { server } = await serveHeld(
      { commit: () => Promise.reject(new Error('password hunter2')) },
      (res) => void res.end('x'),
    );
    const wire = new Wire(server);
    wire.send('GET /', 'Connection: close\r\n');
    const text = await wire.closed;
    expect(text).toMatch(/^HTTP\/1.1 503 /);
    expect(text).not.toContain('hunter2');
  });

  it('the connection lives on, with the right number of bytes', async () => {
    let n = 0;
    const server = await serve((_, res) => {
      holdResponse(res, workOf({ commit: () => (n++ === 0 ? Promise.reject(unavailable()) : nothing) }));
      res.removeHeader('Connection');
      res
        .writeHead(302, { Location: '/home', ETag: '"1"', 'Transfer-Encoding': 'chunked', Date: 'never' })
        .end('moved');
    });
    const wire = new Wire(server);
    wire.send('GET /one');
    await wire.saw(bareBody);
    wire.send('GET /two', 'Connection: close\r\n');
    const text = await wire.closed;
    expect(text.indexOf('HTTP/1.1 302')).toBe(text.indexOf(bareBody) + bareBody.length);
    expect(text.slice(0, text.indexOf('HTTP/1.1 302'))).not.toMatch(/Location|ETag|chunked|never/);
  });

  it('an app that closes its connections still does', async () => {
    const { server } = await serveHeld({ commit: () => Promise.reject(unavailable()) }, (res) => {
      res.setHeader('Connection', 'close');
      res.end('x');
    });
    const wire = new Wire(server);
    wire.send('GET /');
    expect(await wire.closed).toBe(
      `${bare503.replace('Retry-After:', 'Connection: close\r\nRetry-After:')}\r\n\r\n${bareBody}`,
    );
  });

  it('what Node refuses only at the flush is a 500 and a warning, not a crash', async () => {
    const warnings: string[] = [];
    const note = (warning: Error): void => void warnings.push(codeOf(warning));
    process.on('warning', note);
    const { server } = await serveHeld({ commit: () => settle().then(() => nothing) }, (res) => {
      res.writeHead(200, { Trailer: 'X-Sum', 'Content-Length': '2' }).end('ok');
    });
    const wire = new Wire(server);
    wire.send('GET /', 'Connection: close\r\n');
    expect(await wire.closed).toMatch(/^HTTP\/1.1 500 [^]*"ANSWER_INVALID"/);
    await settle();
    process.off('warning', note);
    expect(warnings).toEqual(['ERR_HTTP_TRAILER_INVALID']);
  });

  it.each<[string, (res: ServerResponse, log: Log) => void, string[]]>([
    [
      'its first',
      (res, log) => {
        res.setHeader('Trailer', 'X-Sum').setHeader('Content-Length', 3);
        res.write('abc', (error) => log(`one ${codeOf(error)}`));
        res.write('def', (error) => log(`two ${codeOf(error)}`));
      },
      ['one ERR_HTTP_TRAILER_INVALID', 'two ERR_HTTP_TRAILER_INVALID'],
    ],
    [
      'its first, of an answer that has ended',
      (res, log) => {
        res.setHeader('Trailer', 'X-Sum').setHeader('Content-Length', 3);
        res.write('abc', (error) => log(`one ${codeOf(error)}`));
        res.end((error?: Error) => log(`end ${codeOf(error)}`));
      },
      ['end undefined', 'one ERR_HTTP_TRAILER_INVALID'],
    ],
    [
      'its second',
      (res, log) => {
        res.strictContentLength = true;
        res.setHeader('Content-Length', 5);
        res.write('abc', () => log('one'));
        res.write('defg', (error) => log(`two ${codeOf(error)}`));
        res.end((error?: Error) => log(`end ${codeOf(error)}`));
      },
      ['end ERR_HTTP_CONTENT_LENGTH_MISMATCH', 'one', 'two ERR_HTTP_CONTENT_LENGTH_MISMATCH'],
    ],
  ])('nobody waits in vain for a call that Node refuses at the flush: %s', async (_, handler, calledBack) => {
    const { server, log } = await serveHeld({ commit: () => settle().then(() => nothing) }, handler);
    const wire = new Wire(server);
    wire.send('GET /', 'Connection: close\r\n');
    await wire.closed;
    await settle();
    expect(log.toSorted()).toEqual(calledBack);
  });
});

describe('a stream', () => {
  it('begins after its commit, flows, and its last bytes wait for the late commit', async () => {
    const late = barrier();
    const end = barrier();
    const { server, work } = await serveHeld({ commitLate: () => late.promise }, (res, log) => {
      res.write('first');
      void end.promise.then(() => {
        // Node.js 26 keeps what is written until the turn is over.
        res.write('second', () => {
          res.end('last', () => log('ended'));
          log(`${res.writableEnded} ${res.finished} ${res.writableFinished} ${res.headersSent}`);
        });
      });
    });
    const wire = new Wire(server);
    wire.send('GET /', 'Connection: close\r\n');
    await wire.saw('first');
    expect(work.log).toEqual(['commit']);
    end.resolve();
    await wire.saw('second');
    await settle();
    expect(work.log).toEqual(['commit', 'commitLate', 'seal']);
    expect(wire.text).not.toContain('last');
    late.resolve();
    expect(bodyOf(joinChunks(await wire.closed))).toBe('{firstsecondlast}\r\n');
  });

  it('whose late commit fails never looks whole', async () => {
    const late = barrier();
    const { server, log } = await serveHeld({ commitLate: () => late.promise }, (res, note) => {
      res.write('first', () => res.end('last', (error?: unknown) => note(`end ${codeOf(error)}`)));
    });
    const wire = new Wire(server);
    wire.send('GET /');
    await wire.saw('first');
    await settle();
    late.reject(unavailable());
    expect(bodyOf(await wire.closed)).toBe('5\r\nfirst\r\n');
    await until(() => log.length > 0);
    expect(log).toEqual(['end STORE_UNAVAILABLE']);
  });

  it('with a Content-Length is not complete before its late commit, and never when that fails', async () => {
    for (const fails of [false, true]) {
      const late = barrier();
      const { server, work } = await serveHeld({ commitLate: () => late.promise }, (res) => {
        res.setHeader('Content-Length', 10);
        res.write('hello');
        res.write('world', () => res.end());
      });
      const wire = new Wire(server);
      wire.send('GET /', 'Connection: close\r\n');
      await wire.saw('helloworl');
      await until(() => work.log.includes('seal'));
      await settle();
      expect(bodyOf(wire.text)).toBe('helloworl');
      if (fails) late.reject(unavailable());
      else late.resolve();
      expect(bodyOf(await wire.closed)).toBe(fails ? 'helloworl' : 'helloworld');
    }
  });

  it('sends the bytes that it was given, also where the app uses their buffer again', async () => {
    const { server } = await serveHeld({}, (res) => {
      const buffer = Buffer.from('hello world');
      res.writeHead(200, { 'Content-Length': buffer.length });
      res.write(buffer, () => {
        buffer.fill('X');
        res.end();
      });
    });
    const wire = new Wire(server);
    wire.send('GET /', 'Connection: close\r\n');
    expect(bodyOf(await wire.closed)).toBe('hello world');
  });

  it('that ends with its connection is reset when its late commit fails', async () => {
    const { server } = await serveHeld(
      { commitLate: () => settle().then(() => Promise.reject(unavailable())) },
      (res) => {
        res.write('first');
        setImmediate(() => res.end('last'));
      },
    );
    const wire = new Wire(server);
    const error = new Promise((resolve) => wire.socket.once('error', resolve));
    wire.send('GET / HTTP/1.0');
    expect(codeOf(await error)).toBe('ECONNRESET');
  });

  it('that had ended when its first commit came back is a whole 503 when its late commit fails', async () => {
    const { server, work } = await serveHeld(
      { commit: () => settle().then(() => nothing), commitLate: () => Promise.reject(unavailable()) },
      (res) => {
        res.write('first');
        res.end('last');
      },
    );
    const wire = new Wire(server);
    wire.send('GET /', 'Connection: close\r\n');
    expect(await wire.closed).toMatch(/^HTTP\/1.1 503 /);
    expect(work.log).toEqual(['commit', 'commitLate', 'seal']);
  });

  it('without a body is not whole before its late commit, also after flushHeaders', async () => {
    const late = barrier();
    const { server, work, log } = await serveHeld({ commitLate: () => late.promise }, (res, note) => {
      res.writeHead(204);
      res.flushHeaders();
      note(`${res.headersSent}`);
      setImmediate(() => res.end());
    });
    const wire = new Wire(server);
    wire.send('GET /', 'Connection: close\r\n');
    await until(() => work.log.includes('seal'));
    await settle();
    expect([wire.text, ...log]).toEqual(['', 'true']);
    late.resolve();
    expect(await wire.closed).toMatch(/^HTTP\/1.1 204 /);
  });
});

describe('a connection that the app destroys after its answer, as Express does for an error that comes then', () => {
  it.each<[string, Partial<ResponseWork>, string]>([
    ['at once', {}, '200 OK'],
    ['in time', { commit: () => settle().then(() => nothing) }, '200 OK'],
    ['late', { commitLate: settle }, '200 OK'],
    ['in vain', { commit: () => settle().then(() => Promise.reject(unavailable())) }, '503 Service Unavailable'],
  ])('gets the answer, or what takes its place, that is committed %s', async (_, work, status) => {
    const { server } = await serveHeld(work, (res, __, req) => {
      if (work.commitLate !== undefined) res.write('all is ');
      res.end('well');
      req.socket.destroy();
    });
    const wire = new Wire(server);
    wire.send('GET /');
    const text = await wire.closed;
    expect(text).toMatch(`HTTP/1.1 ${status}`);
    expect(text.endsWith(status === '200 OK' ? (work.commitLate ? '0\r\n\r\n' : 'well') : bareBody)).toBe(true);
  });

  it('also by its request, as where that brings too much', async () => {
    const { server } = await serveHeld({ commit: () => settle().then(() => nothing) }, (res, _, req) => {
      res.writeHead(413).end('too much');
      req.destroy();
    });
    const wire = new Wire(server);
    wire.send('POST /', 'Content-Length: 1000\r\n');
    wire.socket.write('a part');
    expect(await wire.closed).toMatch(/^HTTP\/1.1 413 [^]*too much/);
  });

  it('is destroyed at once where it failed', async () => {
    const commit = barrier<SessionHeaders>();
    const { server } = await serveHeld({ commit: () => commit.promise }, (res, _, req) => {
      res.end('well');
      req.socket.destroy(new Error('reset'));
    });
    const wire = new Wire(server);
    wire.send('GET /');
    expect(await wire.closed).toBe('');
    commit.resolve(nothing);
  });
});

describe('a client that goes away', () => {
  it('before the answer began: nothing is committed', async () => {
    const arrived = barrier<ServerResponse>();
    const { server, work } = await serveHeld({}, (res) => arrived.resolve(res));
    const wire = new Wire(server);
    wire.send('GET /');
    const res = await arrived.promise;
    const closed = new Promise((resolve) => res.once('close', resolve));
    wire.socket.destroy();
    await closed;
    res.end('nobody');
    expect(work.log).toEqual(['abandon']);
  });

  it('and whose socket is known to be gone before Node says so: nothing is committed', async () => {
    const { server, work } = await serveHeld({}, (res, _, req) => {
      req.socket.destroy();
      res.end('nobody');
    });
    const wire = new Wire(server);
    wire.send('GET /');
    await wire.closed;
    await settle();
    expect(work.log).toEqual(['abandon']);
  });

  it('while its turn in the pipeline has not come: nothing is committed', async () => {
    const responses: ServerResponse[] = [];
    const { server, work } = await serveHeld({}, (res) => void responses.push(res));
    const wire = new Wire(server);
    wire.send('GET /one');
    wire.send('GET /two');
    await until(() => responses.length === 2);
    const closed = new Promise((resolve) => responses[0]!.once('close', resolve));
    wire.socket.destroy();
    await closed;
    for (const res of responses) res.end('nobody');
    expect(work.log).toEqual(['abandon', 'abandon']);
  });

  it.each(['resolves', 'rejects'] as const)(
    'in the middle of a held answer: it is dropped, no late commit begins (the first %s)',
    async (outcome) => {
      const commit = barrier<SessionHeaders>();
      const arrived = barrier<ServerResponse>();
      const { server, work, log } = await serveHeld({ commit: () => commit.promise }, (res, note) => {
        res.write('held', (error) => note(`write ${codeOf(error)}`));
        arrived.resolve(res);
      });
      const wire = new Wire(server);
      wire.send('GET /');
      const res = await arrived.promise;
      const closed = new Promise((resolve) => res.once('close', resolve));
      wire.socket.destroy();
      await closed;
      if (outcome === 'resolves') commit.resolve(nothing);
      else commit.reject(unavailable());
      await settle();
      res.end();
      await settle();
      expect(work.log).toEqual(['commit', 'abandon']);
      expect(log).toEqual(['write ERR_STREAM_DESTROYED']);
    },
  );

  it('in the middle of a stream: no late commit', async () => {
    const arrived = barrier<ServerResponse>();
    const { server, work } = await serveHeld({}, (res) => {
      res.write('first');
      arrived.resolve(res);
    });
    const wire = new Wire(server);
    wire.send('GET /');
    const res = await arrived.promise;
    await wire.saw('first');
    const closed = new Promise((resolve) => res.once('close', resolve));
    wire.socket.destroy();
    await closed;
    res.end();
    expect(work.log).toEqual(['commit', 'abandon']);
  });

  it.each(['resolves', 'rejects'] as const)('after the app ended: the commit finishes (and %s)', async (outcome) => {
    const commit = barrier<SessionHeaders>();
    const arrived = barrier<ServerResponse>();
    const { server, work } = await serveHeld({ commit: () => commit.promise }, (res) => {
      res.end('whole', () => {});
      arrived.resolve(res);
    });
    const wire = new Wire(server);
    wire.send('GET /');
    const res = await arrived.promise;
    const closed = new Promise((resolve) => res.once('close', resolve));
    wire.socket.destroy();
    await closed;
    if (outcome === 'resolves') commit.resolve({ vary: true, setCookie: cookie, fault: false });
    else commit.reject(unavailable());
    await settle();
    expect(work.log).toEqual(['commit', 'seal']);
  });
});

describe('beside others that replace the methods of a response', () => {
  const headers = { vary: true, setCookie: cookie, fault: false };
  const commits = { 'at once': () => headers, later: () => settle().then(() => headers) };

  /** What on-headers does: the last word before the head, for whoever asked last. */
  function onHead(res: ServerResponse, listener: () => void): void {
    const { writeHead } = res;
    res.writeHead = (...args: unknown[]) => {
      listener();
      return Reflect.apply(writeHead, res, args);
    };
  }

  /** What compression does, upper case for gzip. */
  function shout(res: ServerResponse): void {
    const { write, end } = res;
    const louder = (chunk: unknown): unknown =>
      typeof chunk === 'string' || Buffer.isBuffer(chunk) ? chunk.toString().toUpperCase() : chunk;
    onHead(res, () => {
      res.setHeader('Content-Encoding', 'shout');
      res.removeHeader('Content-Length');
    });
    res.write = (chunk: unknown, ...rest: unknown[]) => {
      if (!res.headersSent) res.writeHead(res.statusCode);
      return Reflect.apply(write, res, [louder(chunk), ...rest]);
    };
    res.end = (chunk: unknown, ...rest: unknown[]) => {
      if (!Reflect.get(res, '_header')) Reflect.apply(Reflect.get(res, '_implicitHeader'), res, []);
      return Reflect.apply(end, res, [louder(chunk), ...rest]);
    };
  }

  const orders: Record<string, (res: ServerResponse, work: ResponseWork) => void> = {
    before: (res, work) => {
      shout(res);
      holdResponse(res, work);
    },
    after: (res, work) => {
      holdResponse(res, work);
      shout(res);
    },
  };

  for (const [when, install] of Object.entries(orders)) {
    it.each(Object.entries(commits))(`one that came ${when} us, commit %s`, async (_, commit) => {
      for (const answer of [
        (res: ServerResponse) => void res.end('one two'),
        (res: ServerResponse) => {
          res.write('one ');
          res.write('two');
          res.end();
        },
      ]) {
        const work = workOf({ commit });
        const server = await serve((_, res) => {
          install(res, work);
          res.setHeader('Content-Length', 7);
          answer(res);
        });
        const wire = new Wire(server);
        wire.send('GET /', 'Connection: close\r\n');
        const text = await wire.closed;
        expect(text).toContain(`Set-Cookie: ${cookie}\r\n`);
        expect(text).toContain('Content-Encoding: shout\r\n');
        expect(bodyOf(text).replaceAll(/[0-9a-f]+\r\n|\r\n/g, '')).toBe('ONE TWO');
        expect(work.log.filter((line) => line === 'commit')).toHaveLength(1);
      }
    });
  }

  it('one that sets the caching at the last moment does not defeat ours', async () => {
    for (const commit of Object.values(commits)) {
      const server = await serve((_, res) => {
        holdResponse(res, workOf({ commit }));
        onHead(res, () => res.setHeader('Cache-Control', 'public'));
        res.end('x');
      });
      const wire = new Wire(server);
      wire.send('GET /', 'Connection: close\r\n');
      expect(await wire.closed).toMatch(/Cache-Control: private, no-store/);
    }
  });

  it('one whose hook throws when held calls are made again: 500 and a warning, not a crash', async () => {
    const warned = once(process, 'warning');
    const server = await serve((_, res) => {
      holdResponse(res, workOf({ commit: commits.later }));
      onHead(res, () => {
        throw new Error('hook');
      });
      res.end('x');
    });
    const wire = new Wire(server);
    wire.send('GET /', 'Connection: close\r\n');
    expect(await wire.closed).toMatch(/^HTTP\/1.1 500 /);
    expect(await warned).toEqual([new Error('hook')]);
  });

  it('one that came before us and makes a 503 chunked gets none of the app’s trailers', async () => {
    for (const commit of [
      () => Promise.reject(unavailable()),
      () => settle().then(() => Promise.reject(unavailable())),
    ]) {
      const server = await serve((_, res) => {
        shout(res);
        holdResponse(res, workOf({ commit }));
        res.setHeader('Trailer', 'X-Sum');
        res.write('data');
        res.addTrailers({ 'X-Sum': '42' });
        res.end();
      });
      const wire = new Wire(server);
      wire.send('GET /', 'Connection: close\r\n');
      const text = await wire.closed;
      expect(text).toMatch(/^HTTP\/1.1 503 [^]*chunked[^]*"STORE_UNAVAILABLE"[^]*\r\n0\r\n\r\n$/i);
      expect(text).not.toMatch(/x-sum/i);
    }
  });

  it('a second hold on the same response: both commit, both headers', async () => {
    for (const commit of Object.values(commits)) {
      const works = [
        workOf({ commit }),
        workOf({ commit: () => settle().then(() => ({ ...headers, setCookie: 'other=1' })) }),
      ];
      const server = await serve((_, res) => {
        for (const work of works) holdResponse(res, work);
        res.write('a');
        res.end('b');
      });
      const wire = new Wire(server);
      wire.send('GET /', 'Connection: close\r\n');
      const text = await wire.closed;
      expect(text).toContain(`Set-Cookie: ${cookie}\r\n`);
      expect(text).toContain('Set-Cookie: other=1\r\n');
      expect(bodyOf(joinChunks(text))).toBe('{ab}\r\n');
      for (const work of works) expect(work.log).toEqual(['commit', 'commitLate', 'seal']);
    }
  });
});

describe('http2’s compatibility layer', () => {
  interface Answer {
    headers: Record<string, unknown>;
    body: string;
    trailers: Record<string, unknown>;
    log: string[];
    error: string;
  }

  const running: Http2Server[] = [];
  /** Statuses that the client of the latest request has seen. */
  const http2Seen: unknown[] = [];
  afterEach(async () => {
    for (const server of running.splice(0)) await new Promise((resolve) => server.close(resolve));
  });

  async function ask(shape: string, hold: (res: ServerResponse) => void): Promise<Answer> {
    const { handler, method = 'GET' } = http2Shapes[shape]!;
    const log: string[] = [];
    const closed = barrier();
    const server = createHttp2Server();
    // The layer imitates ServerResponse; as frameworks do, this takes it for one.
    server.on('request', (req: IncomingMessage, res: ServerResponse) => {
      res.on('close', closed.resolve);
      hold(res);
      handler(res, (line) => log.push(line), req);
    });
    running.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const client = connectHttp2(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
    const stream = client.request({ ':method': method });
    const answer: Answer = { headers: {}, body: '', trailers: {}, log, error: '' };
    const { promise: done, resolve } = barrier();
    http2Seen.length = 0;
    stream.on('response', (head) => void http2Seen.push(head[':status']));
    stream.on('response', ({ date, ...rest }) => void (answer.headers = { ...rest, date: typeof date }));
    stream.on('trailers', (trailers) => void (answer.trailers = { ...trailers }));
    stream.on('error', (error) => void (answer.error = codeOf(error)));
    stream.setEncoding('latin1').on('data', (text: string) => (answer.body += text));
    stream.on('close', resolve);
    stream.end();
    await done;
    await closed.promise;
    client.close();
    await settle();
    return answer;
  }

  const http2Shapes: Record<string, { handler: Handler; method?: string }> = {
    'end(body)': { handler: (res, log) => void res.end('hello', () => log('ended')) },
    'write, write, end': {
      handler(res, log) {
        log(`${res.write('one')}`);
        log(`sent ${res.headersSent}, ended ${res.writableEnded}`);
        attempt(log, () => res.setHeader('x-late', '1'));
        res.write('two', () => log('written'));
        res.end('three');
        log(`ended ${res.writableEnded} ${res.finished}`);
      },
    },
    'writeHead with an object': {
      handler: (res) => void res.writeHead(201, { 'x-one': '1', 'set-cookie': ['a=1'] }).end('made'),
    },
    'writeHead with a flat array': {
      handler: (res) => void res.writeHead(201, ['x-one', '1', 'x-one', '2']).end('made'),
    },
    'writeHead twice': {
      handler(res, log) {
        res.writeHead(202);
        attempt(log, () => res.writeHead(200));
        res.end('ok');
      },
    },
    'flushHeaders, then end': {
      handler(res) {
        res.flushHeaders();
        setImmediate(() => res.end('later'));
      },
    },
    'a pipe of a file': { handler: (res) => void createReadStream(file).pipe(res) },
    HEAD: { method: 'HEAD', handler: (res) => (res.setHeader('x-one', '1'), void res.end()) },
    '204': { handler: (res) => void res.writeHead(204).end() },
    '304': {
      handler(res) {
        res.statusCode = 304;
        res.end();
      },
    },
    trailers: {
      handler(res) {
        res.addTrailers({ 'x-sum': '42' });
        res.write('data');
        res.end();
      },
    },
    'an explicit length': {
      handler(res) {
        res.writeHead(200, { 'content-length': 10 });
        res.write('hello');
        res.write('world', () => res.end());
      },
    },
    'end twice': {
      handler(res, log) {
        res.end('once');
        res.end('twice', () => log('second'));
      },
    },
  };
  const http2Names = Object.keys(http2Shapes);

  it.each(http2Names)('the same as without a hold: %s', async (shape) => {
    const bare = await ask(shape, () => {});
    for (const overrides of [{}, { commit: () => settle().then(() => nothing) }, { commitLate: settle }]) {
      expect(await ask(shape, (res) => holdResponse(res, workOf(overrides)))).toEqual(bare);
    }
  });

  it('nothing leaves before the commit', async () => {
    const commit = barrier<SessionHeaders>();
    const begun = barrier();
    const answer = ask('write, write, end', (res) =>
      holdResponse(res, workOf({ commit: () => (begun.resolve(), commit.promise) })),
    );
    await begun.promise;
    await settle();
    expect(http2Seen).toEqual([]);
    commit.resolve(nothing);
    expect((await answer).body).toBe('onetwothree');
    expect(http2Seen).toEqual([200]);
  });

  it.each(http2Names)('the session’s headers are added: %s', async (shape) => {
    const headers = { vary: true, setCookie: cookie, fault: false };
    for (const commit of [() => headers, () => settle().then(() => headers)]) {
      const { headers: head } = await ask(shape, (res) => holdResponse(res, workOf({ commit })));
      expect(head).toMatchObject({ vary: 'Cookie', 'cache-control': 'private, no-store' });
      expect(head['set-cookie']).toContain(cookie);
    }
  });

  it.each(http2Names)('a failed commit is a bare 503: %s', async (shape) => {
    for (const late of [false, true]) {
      const commit = late
        ? () => settle().then(() => Promise.reject(unavailable()))
        : () => {
            throw unavailable();
          };
      const answer = await ask(shape, (res) => {
        res.on('error', () => {});
        holdResponse(res, workOf({ commit }));
      });
      expect(answer).toMatchObject({
        headers: {
          ':status': 503,
          'retry-after': '1',
          'cache-control': 'no-store',
          'content-type': 'application/json; charset=utf-8',
          'content-length': String(bareBody.length),
          date: 'string',
        },
        body: shape === 'HEAD' ? '' : bareBody,
      });
      expect(answer.trailers).toEqual({});
      expect(Object.keys(answer.headers)).toHaveLength(6);
    }
  });

  it.each(http2Names)('a failed late commit is never a whole answer: %s', async (shape) => {
    const work = workOf({ commitLate: () => settle().then(() => Promise.reject(unavailable())) });
    const answer = await ask(shape, (res) => holdResponse(res, work));
    const isBroken = answer.error !== '' || answer.headers[':status'] === 503;
    expect(isBroken).toBe(work.log.includes('commitLate'));
  });
});

describe.each(['express', 'express4'])('%s', (version) => {
  interface App {
    (req: IncomingMessage, res: ServerResponse): void;
    use(...handlers: unknown[]): void;
  }
  interface Answer extends ServerResponse {
    send(body: unknown): void;
    json(body: unknown): void;
    redirect(to: string): void;
    sendFile(path: string): void;
  }
  const express: () => App = createRequire(new URL('../../../express/package.json', import.meta.url))(version);

  const answers: Record<string, (res: Answer) => void> = {
    send: (res) => res.send('hello'),
    json: (res) => res.json({ a: 1 }),
    redirect: (res) => res.redirect('/home'),
    sendFile: (res) => res.sendFile(file),
    throw: () => {
      throw Object.assign(new Error('no'), { status: 403 });
    },
  };

  async function ask(answer: (res: Answer) => void, install: (res: ServerResponse) => void): Promise<string> {
    const app = express();
    app.use((_: unknown, res: ServerResponse, next: () => void) => {
      install(res);
      next();
    });
    app.use((_: unknown, res: Answer) => answer(res));
    app.use((error: { status: number }, _: unknown, res: Answer, _next: unknown) => {
      res.statusCode = error.status;
      res.send('an error page');
    });
    const server = await serve(app);
    const wire = new Wire(server);
    wire.send('GET /', 'Connection: close\r\n');
    return await wire.closed;
  }

  it.each(Object.keys(answers))('%s', async (name) => {
    const answer = answers[name]!;
    const bare = await ask(answer, () => {});
    for (const overrides of [{}, { commit: () => settle().then(() => nothing) }, { commitLate: settle }]) {
      expect(await ask(answer, (res) => holdResponse(res, workOf(overrides)))).toBe(bare);
    }
    const failed = await ask(answer, (res) =>
      holdResponse(res, workOf({ commit: () => settle().then(() => Promise.reject(unavailable())) })),
    );
    expect(failed).toBe(`${bare503}\r\nConnection: close\r\n\r\n${bareBody}`);
  });
});
