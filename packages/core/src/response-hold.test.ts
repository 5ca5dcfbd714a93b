import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, pipeline } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { SessError } from './errors.ts';
import { holdResponse } from './response-hold.ts';
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
  expect(stray.splice(0)).toEqual([]);
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
    commit(status) {
      log.push('commit');
      return overrides.commit?.(status) ?? nothing;
    },
    commitLate() {
      log.push('commitLate');
      return overrides.commitLate?.();
    },
    seal: () => void log.push('seal'),
    abandon: () => void log.push('abandon'),
  };
}

const unavailable = (): SessError => new SessError('STORE_UNAVAILABLE', 'redis at 10.0.0.7 does not answer');

const bareBody = '{"code":"STORE_UNAVAILABLE","error":"The session could not be stored. Please try again in a moment."}';
const bare503 = [
  'HTTP/1.1 503 Service Unavailable',
  'Retry-After: 1',
  'Cache-Control: no-store',
  'Content-Type: application/json; charset=utf-8',
  `Content-Length: ${bareBody.length}`,
  'Date: then',
].join('\r\n');

/** What apps do with a response. Each logs what it can see of it. */
const shapes: Record<string, { handler: Handler; request?: string; headers?: string }> = {
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
      log(`write ${res.write('one', () => log('written one'))}`);
      log(`write ${res.write('dHdv', 'base64', () => log('written two'))}`);
      log(`sent ${res.headersSent}, ended ${res.writableEnded} ${res.finished}`);
      res.end('three', () => log('end called back'));
      log(`sent ${res.headersSent}, ended ${res.writableEnded} ${res.finished}`);
      res.on('finish', () => log('finish')).on('close', () => log('close'));
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
    handler: (res) => void res.writeHead(200, ['X-One', '1', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Two', '2']).end('ok'),
  },
  'writeHead with a flat array and a message': {
    handler: (res) => void res.writeHead(200, 'Fine', ['X-One', '1', 'X-Two', '2']).end('ok'),
  },
  'writeHead with an array of pairs (CVE-2025-7339)': {
    handler: (res) => void res.writeHead(200, [['X-One', '1'], ['X-Two', '2'], ['X-Two', '3']]).end('ok'),
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
      for (const name of res.getHeaderNames()) res.removeHeader(name);
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
      log(`${res.getHeader('x-before')} ${JSON.stringify(res.getHeaders())} ${res.hasHeader('x')} ${res.statusMessage}`);
      res.statusCode = 500;
      res.statusMessage = 'Never sent';
      res.end('z');
      log(`status ${res.statusCode}`);
    },
  },
  'a pipe of a file': { handler: (res) => void createReadStream(file).pipe(res) },
  'a pipeline of a file with its length': {
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

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : error;
}

interface Seen {
  wire: string;
  log: string[];
}

async function run(shape: string, hold: (response: ServerResponse) => void): Promise<Seen> {
  const { handler, request = 'GET /', headers } = shapes[shape]!;
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
  await settle();
  return { wire: text, log };
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
