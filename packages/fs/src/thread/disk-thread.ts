import { AsyncResource } from 'node:async_hooks';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
// Not those of globalThis: fake timers of an app's tests must hold no call back.
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import { Worker } from 'node:worker_threads';
import { systemClock } from '@sess/core';
import type { FoundDirectory } from '../disk/directory.ts';
import { died } from '../disk/faults.ts';
import { distFolder } from '../dist-folder.ts';
import { arrivedError } from './carried-error.ts';
import { type FromThread, type Reply, type Request, type ThreadStart, protocol, sinceBoot } from './disk-messages.ts';

/** As they are when this is loaded, which may be what an app's tests have put in their place by then. */
const machineNow = Date.now;
const realNow = performance.now.bind(performance);
const isMachines = Function.prototype.toString.call(machineNow).includes('[native code]');

/**
 * A thread that carries out the verbs and waits for the disk itself. Through the pool each of the five to eight file
 * system calls of a write costs two changes of thread. Here the whole write costs two, and the calls of one turn of the
 * event loop share them.
 */
export interface DiskThread {
  /** Whether calls can be given to it. It begins to start when this is first asked. */
  isReady(): boolean;
  /** The answer is a copy of what the verb answers in the thread. */
  perform<T>(by: number, verb: string, args: unknown[]): Promise<T>;
  close(): Promise<void>;
}

/**
 * How long {@link DiskThread.close} waits for the thread to end by itself, which on a loaded machine is still loading its
 * files: each one that is terminated then leaves some twelve of them open.
 */
const endMs = 5000;

/** What a call leaves there is small: more room for it would only be filled, with some 30 MB. */
const resourceLimits = { maxYoungGenerationSizeMb: 4 };

interface Pending {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export function openDiskThread(directory: FoundDirectory, clock: () => number): DiskThread {
  // Not a `Map`: one that changes with every call keeps what it has held until a full garbage collection.
  const calls: Record<number, Pending | undefined> = {};
  let underWay = 0;
  let lastId = 0;
  let worker: Worker | undefined;
  let state: 'new' | 'starting' | 'ready' | 'gone' = 'new';
  let outbox: Request[] = [];

  // Not in the context of the request that happens to be the first: it would be kept as long as the thread.
  const start = AsyncResource.bind(() => {
    worker = startWorker({ directory });
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

  function settle({ id, answer, error }: Reply): void {
    const call = leave(id);
    if (error === undefined) call?.resolve(answer);
    else call?.reject(arrivedError(error));
  }

  function leave(id: number): Pending | undefined {
    const call = calls[id];
    if (call === undefined) return undefined;
    delete calls[id];
    underWay -= 1;
    if (underWay === 0) worker?.unref();
    return call;
  }

  /** The thread is gone: from now on everything goes through the pool. */
  function end(cause?: unknown): void {
    state = 'gone';
    outbox = [];
    void worker?.terminate();
    for (const id of Object.keys(calls)) leave(Number(id))?.reject(died(cause));
  }

  function send(): void {
    const batch = outbox;
    outbox = [];
    if (batch.length === 0 || isSent(batch)) return;
    // One of them holds something that cannot be sent; the others must not fail because of it.
    for (const request of batch) {
      if (!isSent([request])) leave(request.id)?.reject(new TypeError('A session holds something that is not data.'));
    }
  }

  function isSent(batch: Request[]): boolean {
    try {
      worker?.postMessage(batch);
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

    perform<T>(by: number, verb: string, args: unknown[]) {
      return new Promise<T>((resolve, reject) => {
        const now = readClock();
        lastId += 1;
        if (underWay === 0) worker?.ref();
        underWay += 1;
        // A message has no type: it is what the verb answers.
        calls[lastId] = { resolve: (answer) => resolve(answer as T), reject };
        if (outbox.length === 0) setImmediate(send);
        const leftMs = by - performance.now();
        outbox.push({ id: lastId, verb, by: realNow() + leftMs + sinceBoot, args, now });
      });
    },

    async close() {
      const closing = worker;
      if (closing === undefined || state === 'gone') return;
      const ended = new Promise((resolve) => closing.once('exit', resolve));
      state = 'gone';
      // Calls are still under way, so the disk hangs: waiting for the thread would hang, too.
      if (underWay > 0) return void closing.terminate();
      // One that starts is let end by itself too: the files that it is just loading would stay open.
      closing.ref();
      closing.postMessage('close');
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
    const entry = join(distFolder, 'disk-thread-entry.js');
    if (!existsSync(entry)) return undefined;
    // What the app loads by --import is not meant for it, nor are the secrets in the environment.
    return new Worker(entry, { name: '@sess/fs', workerData, execArgv: [], env: {}, resourceLimits });
  } catch {
    return undefined;
  }
}
