import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

import { afterEach, expect, it } from 'vitest';

import { holdResponse } from './hold-response.ts';
import type { ResponseWork } from './response-work.ts';
import type { SessionHeaders } from './session-headers.ts';

const nothing: SessionHeaders = { vary: false, fault: false };
const endings: (() => void)[] = [];

afterEach(() => {
  for (const end of endings.splice(0).toReversed()) end();
});

type Handler = (response: ServerResponse, request: IncomingMessage) => void;

function work(commit: ResponseWork['commit']): ResponseWork {
  return { commit, commitLate() {}, seal() {}, abandon() {} };
}

function gate(): { promise: Promise<SessionHeaders>; open(): void } {
  let open = (): void => {};
  const promise = new Promise<SessionHeaders>((resolve) => (open = () => resolve(nothing)));
  return { promise, open: () => open() };
}

async function settle(): Promise<void> {
  for (let n = 0; n < 10; n++) await turn();
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('waited 5 s in vain');
    await turn();
  }
}

/** A connection to a server: what was sent, what has come. */
async function wire(handler: Handler): Promise<{ text(): string; get(...paths: string[]): void }> {
  const server = createServer((req, res) => handler(res, req));
  server.listen(0, '127.0.0.1');
  endings.push(() => (server.closeAllConnections(), server.close()));
  await once(server, 'listening');
  const socket = connect(portOf(server), '127.0.0.1').on('error', () => {});
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  endings.push(() => socket.destroy());
  return {
    text: () => Buffer.concat(chunks).toString('latin1'),
    get: (...paths) => void socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join('')),
  };
}

function portOf(server: { address(): unknown }): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null || !('port' in address)) throw new Error('not listening');
  return Number(address.port);
}

/** Four answers of one connection: each but the first is held without a socket, until the one before it is done. */
const pipelined = `
  import { createServer } from 'node:http';
  import { connect } from 'node:net';
  import { holdResponse } from ${JSON.stringify(new URL('../../dist/response/hold-response.js', import.meta.url).href)};

  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const server = createServer((request, response) => {
    holdResponse(response, {
      commit: () => wait(20).then(() => ({ vary: false, fault: false })),
      commitLate() {},
      seal() {},
      abandon() {},
    });
    response.write('x');
    response.uncork();
    response.end('y');
  });
  server.listen(0, '127.0.0.1', () => {
    const socket = connect(server.address().port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'.repeat(4));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.split('200 OK').length < 5) return;
      console.log('four answers');
      process.exit();
    });
  });
`;

it('one uncork too many of a pipelined answer does not keep the worker for ever', async () => {
  const outcome = await new Promise((resolve) => {
    const args = ['--input-type=module', '--eval', pipelined];
    execFile(process.execPath, args, { timeout: 10_000, killSignal: 'SIGKILL' }, (error, stdout) =>
      resolve(error?.killed ? 'hangs' : stdout.trim()),
    );
  });
  expect(outcome).toBe('four answers');
});

/** What Node keeps of the app's corks. */
function keptCorks(response: ServerResponse): unknown {
  const symbol = Object.getOwnPropertySymbols(response).find(({ description }) => description === 'corked');
  return symbol === undefined ? 0 : Reflect.get(response, symbol);
}

it.each(['/alone', '/behind'])('corks are never shown or kept below none: %s', async (path) => {
  const gates = [gate(), gate()];
  const seen: unknown[] = [];
  let asked = 0;
  const client = await wire((res) => {
    const own = gates[asked++]!;
    holdResponse(
      res,
      work(() => own.promise),
    );
    res.write('a');
    const before = res.writableCorked;
    for (const method of ['uncork', 'uncork', 'cork', 'cork', 'uncork', 'uncork', 'uncork', 'cork'] as const) {
      res[method]();
      seen.push(res.writableCorked - before);
      if (Number(keptCorks(res)) < 0) seen.push('kept below none');
    }
    res.end('b');
  });
  client.get(...(path === '/alone' ? [path] : ['/before', path]));
  await until(() => seen.length >= (path === '/alone' ? 8 : 16));
  const one = [0, 0, 1, 2, 1, 0, 0, 1];
  expect(seen).toEqual(path === '/alone' ? one : [...one, ...one]);
  for (const { open } of gates) open();
  await until(() => client.text().split('\r\n0\r\n\r\n').length > asked);
});

it.each(['alone', 'behind another one'])(
  'an app that uncorks as long as it is corked comes to an end: %s',
  async (where) => {
    const gates = [gate(), gate()];
    const log: string[] = [];
    let asked = 0;
    const client = await wire((res) => {
      const own = gates[asked++]!;
      holdResponse(
        res,
        work(() => own.promise),
      );
      // One before the answer begins, one while it is held.
      res.cork();
      res.write('a');
      res.cork();
      res.write('b');
      let left = 10;
      while (res.writableCorked > 0 && left-- > 0) res.uncork();
      log.push(`${res.writableCorked} corks, ${left > 0}`);
      void own.promise.then(settle).then(() => log.push(`${res.writableCorked} corks later`));
    });
    client.get(...(where === 'alone' ? ['/'] : ['/', '/']));
    await until(() => log.length === (where === 'alone' ? 1 : 2));
    expect(new Set(log)).toEqual(new Set(['0 corks, true']));
    gates[0]!.open();
    // The body comes although the app does not end its answer: nothing has stayed corked.
    await until(() => client.text().includes('b\r\n'));
    await until(() => log.includes('0 corks later'));
  },
);

it('a cork from before the answer and its uncork while it is held are a pair, as without a hold', async () => {
  const answers: string[] = [];
  for (const isHeld of [false, true]) {
    const own = gate();
    const client = await wire((res) => {
      if (isHeld)
        holdResponse(
          res,
          work(() => own.promise),
        );
      res.removeHeader('Date');
      res.sendDate = false;
      res.write('a');
      res.cork();
      res.write('b');
      res.write('c');
      res.uncork();
      res.write('d');
    });
    client.get('/');
    own.open();
    await until(() => client.text().includes('d\r\n'));
    answers.push(client.text());
  }
  expect(answers[1]).toBe(answers[0]);
});

it('an answer that gets its connection while it is held and corked does not cork the connection', async () => {
  const gates = [gate(), gate()];
  const responses: ServerResponse[] = [];
  const client = await wire((res) => {
    const own = gates[responses.length]!;
    responses.push(res);
    holdResponse(
      res,
      work(() => own.promise),
    );
    res.write('a');
    res.cork();
    res.cork();
    res.write('b');
    if (responses.length === 1) res.end();
  });
  client.get('/one', '/two');
  await until(() => responses.length === 2);
  gates[0]!.open();
  await until(() => responses[1]!.socket !== null);
  const second = responses[1]!;
  await settle();
  expect([second.writableCorked, second.socket?.writableCorked]).toEqual([2, 0]);
  second.socket?.write('HTTP/1.1 102 Processing\r\n\r\n');
  await until(() => client.text().includes('102 Processing'));
  gates[1]!.open();
  await settle();
  second.uncork();
  second.uncork();
  expect(second.writableCorked).toBe(0);
  await until(() => client.text().split('b\r\n').length === 3);
  second.end();
});

it('http2: corks are never shown below none, and one from before the answer is let go', async () => {
  const own = gate();
  const seen: number[] = [];
  const server = createHttp2Server();
  // The layer imitates ServerResponse; as frameworks do, this takes it for one.
  server.on('request', (_: IncomingMessage, res: ServerResponse) => {
    holdResponse(
      res,
      work(() => own.promise),
    );
    res.cork();
    res.write('a');
    for (const method of ['cork', 'uncork', 'uncork', 'uncork', 'uncork'] as const) {
      res[method]();
      seen.push(res.writableCorked);
    }
    own.open();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const session = connectHttp2(`http://127.0.0.1:${portOf(server)}`);
  endings.push(() => (session.destroy(), server.close()));
  const stream = session.request();
  const [chunk]: unknown[] = await once(stream, 'data');
  expect([seen, String(chunk)]).toEqual([[2, 1, 0, 0, 0], 'a']);
});
