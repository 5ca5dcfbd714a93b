import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type SessionStore, type Sessions, createSessions } from '@sess/core';
import { fsStore } from '@sess/fs';
import { redisStore } from '@sess/redis';
import { Redis } from 'ioredis';
import { dayMs, secret } from './contestant.ts';
import type { Data } from './data.ts';
import { freeSomethingLarge } from './free-something-large.ts';
import { type Original, plantCopies } from './redis-copies.ts';
import { median } from './statistics.ts';

/** How what a visit costs grows. Without HTTP, 8 visits at a time, in a process of its own. */
export interface GrowthRow {
  /** What grows: bytes, keys or sessions. */
  by: 'bytes' | 'keys' | 'sessions';
  size: number;
  /** CPU of this process for one visit, in microseconds, by who keeps the session. */
  cost: Record<string, { readUs: number; writeUs: number }>;
}

/** Somebody who keeps sessions: a visit reads one key, or counts. */
interface Keeper {
  name: string;
  make(data: Record<string, unknown>): Promise<string>;
  read(visitor: string): Promise<unknown>;
  count(visitor: string): Promise<unknown>;
  close(): Promise<unknown>;
}

const bytesSteps = [100, 1_000, 10_000, 100_000, 1_000_000];
const keySteps = [1, 10, 100, 1_000];
const sessionSteps = [1_000, 10_000, 100_000, 1_000_000];

export function growth(redisUrl: string, directory: string, isQuick: boolean): Promise<GrowthRow[]> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [redisUrl, directory, isQuick ? 'quick' : 'full'], {
      execArgv: ['--expose-gc'],
    });
    child.once('message', (rows) => resolve(rows as GrowthRow[]));
    child.once('exit', (code) => reject(new Error(`The process ended with code ${code}.`)));
  });
}

function sessKeeper(name: string, store: SessionStore & { close(): Promise<void> }): Keeper {
  const sessions: Sessions = createSessions({ store, secret, logger: false, env: { NODE_ENV: 'production' } });
  return {
    name,
    async make(data) {
      const session = await sessions.open(undefined);
      Object.assign(session, data);
      const { setCookie = '' } = await sessions.commit(session);
      return setCookie.slice(0, setCookie.indexOf(';'));
    },
    async read(cookie) {
      const session = await sessions.open(cookie);
      const value = session.views;
      await sessions.commit(session);
      return value;
    },
    async count(cookie) {
      const session = await sessions.open(cookie);
      session.views = (session.views ?? 0) + 1;
      await sessions.commit(session);
    },
    async close() {
      await sessions.close();
      await store.close();
    },
  };
}

/** One JSON text for each session, as the other libraries have it: `GET`, `JSON.parse`, and back. */
function textKeeper(redisUrl: string): Keeper {
  const redis = new Redis(redisUrl);
  let made = 0;
  const read = async (key: string) => JSON.parse((await redis.get(key)) ?? '{}') as Data;
  const write = (key: string, data: object) => redis.set(key, JSON.stringify(data), 'PX', dayMs);
  return {
    name: 'one JSON text (raw ioredis)',
    async make(data) {
      const key = `text:${(made += 1)}`;
      await write(key, data);
      return key;
    },
    read,
    async count(key) {
      const data = await read(key);
      await write(key, { ...data, views: (data.views ?? 0) + 1 });
    },
    async close() {
      redis.disconnect();
    },
  };
}

async function row(by: GrowthRow['by'], size: number, data: object, keepers: Keeper[], plan: Plan): Promise<GrowthRow> {
  const found: GrowthRow = { by, size, cost: {} };
  for (const keeper of keepers) {
    const visitors: string[] = [];
    for (let made = 0; made < 16; made += 1) visitors.push(await keeper.make({ views: 1, ...data }));
    found.cost[keeper.name] = await costOf(keeper, visitors, plan);
  }
  return found;
}

interface Plan {
  visits: number;
  batches: number;
}

async function costOf(keeper: Keeper, visitors: string[], { visits, batches }: Plan) {
  const readUs = await cpuOfEach(visits, batches, visitors, (visitor) => keeper.read(visitor));
  const writeUs = await cpuOfEach(visits, batches, visitors, (visitor) => keeper.count(visitor));
  return { readUs, writeUs };
}

async function cpuOfEach(
  visits: number,
  batches: number,
  visitors: readonly string[],
  visit: (visitor: string) => Promise<unknown>,
): Promise<number> {
  let at = 0;
  const batch = async () => {
    let left = visits;
    const before = process.cpuUsage();
    const lane = async () => {
      while ((left -= 1) >= 0) await visit(visitors[(at += 1) % visitors.length] ?? '');
    };
    await Promise.all(Array.from({ length: 8 }, lane));
    const { user, system } = process.cpuUsage(before);
    return (user + system) / visits;
  };
  await batch();
  const found: number[] = [];
  for (let round = 0; round < batches; round += 1) found.push(await batch());
  return median(found);
}

/** More and more keys in one Redis, as large as sessions are. Those that are visited are 1,000 sessions of their own. */
async function bySessions(redisUrl: string, steps: readonly number[], plan: Plan): Promise<GrowthRow[]> {
  const keeper = sessKeeper('@sess/redis', redisStore({ url: redisUrl }));
  const redis = new Redis(redisUrl);
  const data = { views: 1, userId: '8b6f0d8e4c1a4f7e9d2b5a60', locale: 'de-DE' };
  const visitors: string[] = [];
  while (visitors.length < 1_000) visitors.push(await keeper.make(data));
  const rows: GrowthRow[] = [];
  let there = visitors.length;
  const planted: Original = { key: `session:${'0'.repeat(64)}`, digitsInKey: 8 };
  await redis.set(planted.key, 'x'.repeat(150), 'PX', dayMs);
  for (const size of steps) {
    await plantCopies(redis, planted, there, size);
    there = Math.max(there, size);
    rows.push({ by: 'sessions', size, cost: { [keeper.name]: await costOf(keeper, visitors, plan) } });
  }
  await keeper.close();
  redis.disconnect();
  return rows;
}

async function measure(redisUrl: string, directory: string, isQuick: boolean): Promise<GrowthRow[]> {
  const plan: Plan = isQuick ? { visits: 200, batches: 2 } : { visits: 1_000, batches: 5 };
  const keepers = [
    sessKeeper('@sess/redis', redisStore({ url: redisUrl })),
    sessKeeper('@sess/fs', fsStore({ directory, sweepEveryMs: 0 })),
    textKeeper(redisUrl),
  ];
  const rows: GrowthRow[] = [];
  for (const size of bytesSteps) {
    const visits = Math.max(40, Math.min(plan.visits, Math.round(1e8 / size)));
    rows.push(await row('bytes', size, { cart: 'x'.repeat(size) }, keepers, { ...plan, visits }));
  }
  for (const size of keySteps) {
    const names = Array.from({ length: size - 1 }, (_, number) => [`key${number}`, `value ${number}`]);
    const visits = Math.max(100, Math.round(plan.visits / Math.max(1, size / 100)));
    rows.push(await row('keys', size, Object.fromEntries(names), keepers, { ...plan, visits }));
  }
  for (const keeper of keepers) await keeper.close();
  rows.push(...(await bySessions(redisUrl, isQuick ? sessionSteps.slice(0, 2) : sessionSteps, plan)));
  return rows;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [redisUrl = '', directory = '', mode] = process.argv.slice(2);
  freeSomethingLarge();
  process.send?.(await measure(redisUrl, directory, mode === 'quick'), () => process.exit(0));
}
