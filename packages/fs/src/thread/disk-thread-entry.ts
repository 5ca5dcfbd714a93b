// The thread that disk-thread.ts starts. It does what the verbs do, one call behind the other, and waits for the disk.
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { carriedError } from './carried-error.ts';
import { directCalls } from '../calls/direct-calls.ts';
import {
  type FromThread,
  type Reply,
  type Request,
  type ThreadStart,
  type ToThread,
  protocol,
} from './disk-messages.ts';
import { timedOut } from '../faults.ts';
import { callMs, type Work } from '../gate.ts';
import { sessionDirectoryFound } from '../session-directory.ts';
import { siteIn } from '../site.ts';
import { useSystemCalls } from '../calls/calls-in-use.ts';
import { type VerbAnswer, type VerbName, verbsOn } from '../verbs.ts';

if (parentPort === null) throw new Error('This file is for a thread of @sess/fs.');
const port = parentPort;
const { directory, givenUp }: ThreadStart = workerData;

useSystemCalls(directCalls);

/** What the call at work says that it is; `undefined`: what the machine says. */
let now: number | undefined;
const site = siteIn(sessionDirectoryFound(directory), () => now ?? Date.now(), false);
const { take } = site.turns;
// While a lock is waited for nobody should wait for an answer that is there.
site.turns.take = (name, pause) => {
  post();
  return take(name, pause);
};
const verbs = verbsOn(site);

let isAtWork = false;
const waiting: (() => void)[] = [];

function enter(): void | Promise<void> {
  if (isAtWork) return new Promise<void>((resolve) => waiting.push(resolve));
  isAtWork = true;
}

/** Hands the place on, if somebody waits for it. */
function leave(): void {
  const next = waiting.shift();
  if (next) next();
  else isAtWork = false;
}

/** Many answers in one message cost the app less than as many messages; and the first one should not wait for long. */
const mostReplies = 16;
const longestMs = 1;

let replies: Reply[] = [];
let firstAt = 0;

function reply(one: Reply): void {
  if (replies.length === 0) firstAt = performance.now();
  replies.push(one);
  const isDue = waiting.length === 0 || replies.length >= mostReplies || performance.now() - firstAt >= longestMs;
  if (isDue) post();
}

function post(): void {
  if (replies.length > 0) say(replies);
  replies = [];
}

function say(message: FromThread): void {
  port.postMessage(message);
}

function workOf({ place, now: ownNow }: Request): Work {
  const isGivenUp = () => Atomics.load(givenUp, place) !== 0;
  return {
    isGivenUp,
    check() {
      if (isGivenUp()) throw timedOut(callMs);
    },
    async pause(ms) {
      leave();
      post();
      await delay(ms);
      await enter();
      now = ownNow;
    },
  };
}

function begin<V extends VerbName>({ verb, args }: Request<V>, work: Work): Promise<VerbAnswer<V>> {
  return verbs[verb](work, ...args);
}

async function outcomeOf(request: Request): Promise<Reply> {
  const { place } = request;
  const work = workOf(request);
  try {
    work.check();
    return { place, answer: await begin(request, work) };
  } catch (error) {
    return { place, error: carriedError(error) };
  }
}

async function carryOut(request: Request): Promise<void> {
  await enter();
  now = request.now;
  reply(await outcomeOf(request));
  leave();
}

port.on('message', (message: ToThread) => {
  if (message === 'close') void site.turns.settled().then(() => port.close());
  else for (const request of message) void carryOut(request);
});

say(protocol);
