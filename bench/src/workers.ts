import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type SessionStore, type Sessions, createSessions, isSessError } from '@sess/core';
import { fsStore } from '@sess/fs';
import { redisStore } from '@sess/redis';
import { secret } from './contestant.ts';

/** So many processes that count at the same time, over one storage. */
export interface WorkersRow {
  storage: string;
  workers: number;
  /** CPU of a worker for one visit that counts, in microseconds: each in its turn of 1,000 sessions. */
  manyUs: number;
  /** The same where all visits are `update()` of one key of one session, and what all workers did in a second. */
  oneUs: number;
  onePerSecond: number;
  /** Of those in one session: answered 503, since they did not get their turn in time. */
  refused: number;
}

type Store = SessionStore & { close(): Promise<void> };

interface Task {
  storage: string;
  place: string;
  cookies: readonly string[];
  visits: number;
}

interface Done {
  cpuUs: number;
  refused: number;
}

const storages: Readonly<Record<string, (place: string) => Store>> = {
  '@sess/redis': (place) => redisStore({ url: place }),
  '@sess/fs': (place) => fsStore({ directory: place, sweepEveryMs: 0 }),
};

interface WorkersPlan {
  redisUrl: string;
  directory: string;
  counts: readonly number[];
  visits: number;
}

export async function byWorkers({ redisUrl, directory, counts, visits }: WorkersPlan): Promise<WorkersRow[]> {
  const rows: WorkersRow[] = [];
  for (const [storage, place] of [
    ['@sess/redis', redisUrl],
    ['@sess/fs', directory],
  ] as const) {
    const { sessions, store } = open(storage, place);
    const cookies: string[] = [];
    for (let made = 0; made < 1000; made += 1) cookies.push(await newSession(sessions));
    for (const workers of counts) {
      const children = Array.from({ length: workers }, () => fork(fileURLToPath(import.meta.url)));
      // The first time for the compiler.
      await together(children, { storage, place, cookies, visits: Math.ceil(visits / 2) });
      const many = await together(children, { storage, place, cookies, visits });
      const single = await newSession(sessions);
      const one = await together(children, { storage, place, cookies: [single], visits });
      const counted = ((await sessions.open(single)).views ?? 0) - 1;
      const { refused } = one;
      const sure = workers * visits - refused;
      // What was refused may have been counted all the same.
      if (counted < sure || counted > workers * visits)
        throw new Error(`${storage}: ${counted} counts instead of ${sure}.`);
      for (const child of children) child.disconnect();
      rows.push({ storage, workers, manyUs: many.cpuUs, oneUs: one.cpuUs, onePerSecond: sure / one.seconds, refused });
    }
    await sessions.close();
    await store.close();
  }
  return rows;
}

interface AllDone extends Done {
  seconds: number;
}

async function together(children: readonly ChildProcess[], task: Task): Promise<AllDone> {
  const started = performance.now();
  const all = await Promise.all(children.map((child) => answerOf(child, task)));
  const sum = (figure: (done: Done) => number) => all.reduce((total, done) => total + figure(done), 0);
  return {
    cpuUs: sum(({ cpuUs }) => cpuUs) / all.length,
    refused: sum(({ refused }) => refused),
    seconds: (performance.now() - started) / 1000,
  };
}

function answerOf(child: ChildProcess, task: Task): Promise<Done> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`A worker ended with code ${code}.`));
    child.once('exit', onExit);
    child.once('message', (done) => {
      child.off('exit', onExit);
      resolve(done as Done);
    });
    child.send(task);
  });
}

function open(storage: string, place: string): { sessions: Sessions; store: Store } {
  const make = storages[storage];
  if (make === undefined) throw new Error(`There is no storage "${storage}".`);
  const store = make(place);
  return { sessions: createSessions({ store, secret, logger: false, env: { NODE_ENV: 'production' } }), store };
}

async function newSession(sessions: Sessions): Promise<string> {
  const session = await sessions.open(undefined);
  session.views = 1;
  const { setCookie = '' } = await sessions.commit(session);
  return setCookie.slice(0, setCookie.indexOf(';'));
}

async function work(sessions: Sessions, { cookies, visits }: Task): Promise<Done> {
  let left = visits;
  let refused = 0;
  const before = process.cpuUsage();
  const visit = async () => {
    const session = await sessions.open(cookies[Math.floor(Math.random() * cookies.length)]);
    if (cookies.length === 1) await session.update('views', (views = 0) => views + 1);
    else session.views = (session.views ?? 0) + 1;
    await sessions.commit(session);
  };
  const lane = async () => {
    while ((left -= 1) >= 0) {
      await visit().catch((error: unknown) => {
        if (!isSessError(error) || error.status !== 503) throw error;
        refused += 1;
      });
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  const { user, system } = process.cpuUsage(before);
  return { cpuUs: (user + system) / visits, refused };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  let opened: { sessions: Sessions; store: Store } | undefined;
  process.on('message', (task: Task) => {
    opened ??= open(task.storage, task.place);
    void work(opened.sessions, task).then((done) => process.send?.(done));
  });
  process.on('disconnect', () => process.exit(0));
}
