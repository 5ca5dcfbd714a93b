// The thread that thread/disk-thread.ts starts. It does the verbs' work, one call after the other, and waits for the disk.
import { parentPort, workerData } from 'node:worker_threads';
import { useSystemCalls } from './disk/calls-in-use.ts';
import { directCalls } from './disk/direct-calls.ts';
import { sessionDirectoryFound } from './disk/directory.ts';
import { assertInTime } from './disk/in-time.ts';
import { diskVerbsOn } from './verbs/disk-verbs.ts';
import { siteIn } from './verbs/site.ts';
import { carriedError } from './thread/carried-error.ts';
import {
  type FromThread,
  type Reply,
  type Request,
  type ThreadStart,
  type ToThread,
  protocol,
  sinceBoot,
} from './thread/disk-messages.ts';

if (parentPort === null) throw new Error('This file is for a thread of @sess/fs.');
const port = parentPort;
const { directory }: ThreadStart = workerData;

useSystemCalls(directCalls);

/** The time that the current call brought with it; `undefined`: the machine's clock. */
let now: number | undefined;
const verbs = diskVerbsOn(siteIn(sessionDirectoryFound(directory), () => now ?? Date.now(), false));

/** Many answers in one message cost the app less than as many messages; and the first one should not wait for long. */
const mostReplies = 16;
const longestMs = 1;

let replies: Reply[] = [];
let firstAt = 0;
let waiting: Request[] = [];
let isAtWork = false;

function post(): void {
  if (replies.length > 0) say(replies);
  replies = [];
}

function say(message: FromThread): void {
  port.postMessage(message);
}

/** Verb and arguments belong together by the types of whoever asks; a message has none. */
function begin({ verb, by, args }: Request): unknown {
  const work: (by: number, ...args: unknown[]) => unknown = Reflect.get(verbs, verb satisfies string);
  return work(by - sinceBoot, ...args);
}

async function outcomeOf(request: Request): Promise<Reply> {
  const { id, by } = request;
  try {
    assertInTime(by - sinceBoot);
    return { id, answer: await begin(request) };
  } catch (error) {
    return { id, error: carriedError(error) };
  }
}

async function workOff(): Promise<void> {
  isAtWork = true;
  while (waiting.length > 0) {
    const requests = waiting;
    waiting = [];
    for (const request of requests) {
      now = request.now;
      const reply = await outcomeOf(request);
      if (replies.length === 0) firstAt = performance.now();
      replies.push(reply);
      if (replies.length >= mostReplies || performance.now() - firstAt >= longestMs) post();
    }
  }
  post();
  isAtWork = false;
}

port.on('message', (message: ToThread) => {
  if (message === 'close') return port.close();
  waiting.push(...message);
  if (!isAtWork) void workOff();
});

say(protocol);
