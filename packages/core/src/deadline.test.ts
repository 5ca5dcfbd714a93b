import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { beginDeadline, withDeadline } from './deadline.ts';

const endings: (() => unknown)[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const end of endings.splice(0)) await end();
});

/** This process does nothing else for so long: a large JSON, a slow regular expression. */
function stall(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** A server in a thread of its own, which answers while this one is stalled. */
async function echoServer(): Promise<Socket> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const server = require('node:net').createServer((socket) => socket.on('error', () => {}).pipe(socket));
     server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
    { eval: true },
  );
  const [port]: unknown[] = await once(worker, 'message');
  const socket = connect(Number(port), '127.0.0.1');
  endings.push(async () => {
    socket.destroy();
    await worker.terminate();
  });
  await once(socket, 'connect');
  return socket;
}

const timedOut = { code: 'STORE_TIMEOUT', status: 503, message: 'The answer took longer than 20 ms.' };
const never = new Promise<never>(() => {});

describe('work with a deadline', () => {
  it('settles like the work', async () => {
    expect(await withDeadline(Promise.resolve('value'), 1000, 'It')).toBe('value');
    await expect(withDeadline(Promise.reject(new RangeError('own')), 1000, 'It')).rejects.toThrow(RangeError);
  });

  it('fails when the work never ends, and says what took too long', async () => {
    await expect(withDeadline(never, 20, 'The answer')).rejects.toMatchObject(timedOut);
  });

  it('takes what comes after the deadline for nothing, also a late error', async () => {
    let fail: (error: Error) => void = () => {};
    const work = new Promise<never>((_, reject) => {
      fail = reject;
    });
    await expect(withDeadline(work, 20, 'The answer')).rejects.toMatchObject(timedOut);
    fail(new Error('late')); // an unhandled rejection would fail this run
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('leaves no timer behind that keeps the process alive', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    await withDeadline(Promise.resolve(1), 60_000, 'It');
    await withDeadline(Promise.reject(new Error('x')), 60_000, 'It').catch(() => {});
    expect(timers()).toBe(before);
  });
});

describe('a stalled event loop', () => {
  it('is not a dead store: an answer that has arrived over the network counts', async () => {
    const socket = await echoServer();
    const answer = once(socket, 'data');
    socket.write('value');
    const result = withDeadline(answer, 20, 'The answer');
    stall(200);
    expect(String(await result)).toBe('value');
  });

  it('is not a dead disk either, although work on files takes several turns', async () => {
    const work = async (): Promise<number> => {
      for (let step = 0; step < 5; step += 1) await readFile(new URL(import.meta.url));
      return 5;
    };
    const result = withDeadline(work(), 20, 'The answer');
    stall(200);
    expect(await result).toBe(5);
  });

  it('does not save a store that is dead', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    endings.push(
      () => socket.destroy(),
      () => server.close(),
    );
    await once(socket, 'connect');
    socket.write('value');
    const result = withDeadline(once(socket, 'data'), 20, 'The answer');
    stall(200);
    await expect(result).rejects.toMatchObject(timedOut);
  });
});

describe('a deadline', () => {
  it('expires in the context of its own request', async () => {
    const request = new AsyncLocalStorage<string>();
    const expired = (name: string) =>
      request.run(name, () => new Promise<unknown>((resolve) => beginDeadline(20, () => resolve(request.getStore()))));
    expect(await Promise.all([expired('first'), expired('second')])).toEqual(['first', 'second']);
  });

  it('expires while the app has other timers in place of the real ones', async () => {
    const real = globalThis.setTimeout;
    vi.useFakeTimers();
    const expired = new Promise((resolve) => beginDeadline(20, () => resolve('expired')));
    const tooLate = new Promise((resolve) => real(resolve, 1000, 'too late'));
    expect(await Promise.race([expired, tooLate])).toBe('expired');
  });

  it('keeps no context of an earlier request, also under steady load', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const request = new AsyncLocalStorage<object | undefined>();
    const first = new WeakRef({});
    let end = request.run(first.deref(), () => beginDeadline(20, () => {}));
    for (let turns = 0; turns < 100 && first.deref() !== undefined; turns++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const next = beginDeadline(20, () => {});
      end();
      end = next;
      gc();
    }
    end();
    expect(first.deref()).toBeUndefined();
  });
});
