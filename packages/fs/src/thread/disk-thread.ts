import { AsyncResource } from 'node:async_hooks';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
// Not those of globalThis: fake timers of an app's tests must hold no call back.
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import { Worker } from 'node:worker_threads';
import { SessError, systemClock } from '@sess/core';
import { arrivedError } from './carried-error.ts';
import {
  type FromThread,
  type Reply,
  type Request,
  type ThreadStart,
  type ToThread,
  protocol,
} from './disk-messages.ts';
import { distFolder } from '../dist-folder.ts';
import { type Call, mostCalls } from '../gate.ts';
import type { FoundDirectory } from '../session-directory.ts';
import type { VerbAnswer, VerbArgs, VerbName } from '../verbs.ts';

/** As it is when this is loaded, which may be what an app's tests have put in its place by then. */
const machineNow = Date.now;
const isMachines = Function.prototype.toString.call(machineNow).includes('[native code]');

/**
 * A thread that carries out the verbs and waits for the disk itself. By the pool each of the five to eight calls of the
 * file system in a write is two changes of thread; here that is the whole write, and those of one turn of the event
 * loop have it together.
 */
export interface DiskThread {
  /** Whether calls can be given to it. It begins to start when this is first asked. */
  isReady(): boolean;
  perform<V extends VerbName>(call: Call, verb: V, args: VerbArgs<V>): Promise<VerbAnswer<V>>;
  close(): Promise<void>;
}

/** How long {@link DiskThread.close} waits for the thread to end by itself. */
const endMs = 1000;

/** What a call leaves behind is small: more room for it would only be filled, with some 30 MB. */
const resourceLimits = { maxYoungGenerationSizeMb: 4 };

interface Pending {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export function openDiskThread(directory: FoundDirectory, clock: () => number): DiskThread {
  /** By place of a call. The thread reads it while this one does something else. */
  let givenUp = new Int32Array(new SharedArrayBuffer(0));
  const calls: (Pending | undefined)[] = [];
  /** Places that are left. Others are taken as they are needed: most stores never have many calls at a time. */
  const free: number[] = [];
  let callsInHand = 0;
  let worker: Worker | undefined;
  let state: 'new' | 'starting' | 'ready' | 'gone' = 'new';
  let outbox: Request[] = [];

  // Not in the context of the request that happens to be the first: it would be kept as long as the thread.
  const start = AsyncResource.bind(() => {
    givenUp = new Int32Array(new SharedArrayBuffer(mostCalls * Int32Array.BYTES_PER_ELEMENT));
    worker = startWorker({ directory, givenUp });
    if (worker === undefined) return;
    state = 'starting';
    worker.on('message', hear);
    worker.on('messageerror', end);
    worker.on('error', end);
    worker.on('exit', () => end());
    // Only a call that is under way keeps the process alive.
    worker.unref();
  });

  function hear(message: FromThread): void {
    if (typeof message !== 'string') for (const reply of message) settle(reply);
    else if (message !== protocol) end();
    else if (state === 'starting') state = 'ready';
  }

  function settle({ place, answer, error }: Reply): void {
    const call = leave(place);
    if (error === undefined) call?.resolve(answer);
    else call?.reject(arrivedError(error));
  }

  function leave(place: number): Pending | undefined {
    const call = calls[place];
    if (call === undefined) return undefined;
    calls[place] = undefined;
    free.push(place);
    callsInHand -= 1;
    if (callsInHand === 0) worker?.unref();
    return call;
  }

  /** From now on everything goes through the pool. What had been given up has ended too, and is no call any more. */
  function end(cause?: unknown): void {
    state = 'gone';
    outbox = [];
    void worker?.terminate();
    for (const place of calls.keys()) leave(place)?.reject(died(cause));
  }

  function enter(pending: Pending): number {
    const place = free.pop() ?? calls.length;
    if (place >= mostCalls) throw new Error('More calls than the gate lets in.');
    callsInHand += 1;
    if (callsInHand === 1) worker?.ref();
    calls[place] = pending;
    Atomics.store(givenUp, place, 0);
    return place;
  }

  function send(): void {
    const batch = outbox;
    outbox = [];
    if (isSent(batch)) return;
    // One of them holds what cannot be sent; the others are not to suffer from it.
    for (const request of batch) {
      if (!isSent([request])) leave(request.place)?.reject(new TypeError('A session holds what is no data.'));
    }
  }

  function isSent(message: ToThread): boolean {
    try {
      worker?.postMessage(message);
      return true;
    } catch {
      return false;
    }
  }

  /** The app's clock cannot be sent, only what it says: for this call it stands still then. */
  function readClock(): number | undefined {
    return isMachines && clock === systemClock && Date.now === machineNow ? undefined : clock();
  }

  return {
    isReady() {
      if (state === 'new') {
        state = 'gone';
        start();
      }
      return state === 'ready';
    },

    perform<V extends VerbName>(call: Call, verb: V, args: VerbArgs<V>) {
      return new Promise<VerbAnswer<V>>((resolve, reject) => {
        // The thread answers a call with what its verb answers.
        const pending: Pending = { resolve: (answer) => resolve(answer as VerbAnswer<V>), reject };
        const now = readClock();
        const place = enter(pending);
        call.onGivenUp(() => {
          if (calls[place] === pending) Atomics.store(givenUp, place, 1);
        });
        if (outbox.length === 0) setImmediate(send);
        // Verb and arguments belong together by their types, which the compiler forgets here.
        outbox.push({ place, verb, args, now } as Request);
      });
    },

    async close() {
      const closing = worker;
      if (closing === undefined || state === 'gone') return;
      const ended = new Promise((resolve) => closing.once('exit', resolve));
      state = 'gone';
      // Calls that were given up wait for a disk that hangs, as this would. They stay calls until the thread has ended.
      if (callsInHand > 0) return void closing.terminate();
      // One that starts is let end by itself too: the files that it is just loading would stay open.
      closing.ref();
      closing.postMessage('close' satisfies ToThread);
      const timer = setTimeout(() => void closing.terminate(), endMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** `undefined` where there can be none: a bundle without the file, a process that may not have threads. */
function startWorker(workerData: ThreadStart): Worker | undefined {
  try {
    // Not by `new URL()`, from which bundlers would make a thread that they know better.
    const entry = join(distFolder, 'thread', 'disk-thread-entry.js');
    if (!existsSync(entry)) return undefined;
    // What the app loads by --import is not meant for it, nor are the secrets in the environment.
    return new Worker(entry, { name: '@sess/fs', workerData, execArgv: [], env: {}, resourceLimits });
  } catch {
    return undefined;
  }
}

function died(cause: unknown): SessError {
  return new SessError(
    'STORE_UNAVAILABLE',
    'The thread that works for the session directory ended. Whether a write took place is not known.',
    { cause },
  );
}
