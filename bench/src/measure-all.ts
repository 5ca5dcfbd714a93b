import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, startContender } from './contender.ts';
import { rawFiles } from './contestants/ideal.ts';
import { sessRedis } from './contestants/sess.ts';
import { type ScaleRow, filesAtScale } from './files-at-scale.ts';
import { type GrowthRow, growth } from './growth.ts';
import { type LeakReport, memoryGrowth } from './leak.ts';
import { type Machine, machine } from './machine.ts';
import type { Extent, Group } from './plan.ts';
import { type MemoryRow, redisMemory } from './redis-memory.ts';
import { startOwnPostgres } from './postgres-server.ts';
import { startRedis } from './redis-server.ts';
import { type Measurement, measureRounds } from './rounds.ts';
import { scenarios } from './scenario.ts';
import { sessionsInTurn } from './sessions-of.ts';
import { fillWithSessions } from './visitor.ts';
import { type WorkersRow, byWorkers } from './workers.ts';

export interface GroupResults {
  title: string;
  /** By scenario and contestant, one measurement a round. */
  scenarios: Record<string, Record<string, Measurement[]>>;
}

/** All that was measured in one run, and where. */
export interface Results {
  date: string;
  seconds: number;
  machine: Machine;
  groups: GroupResults[];
  files: ScaleRow[];
  growth: GrowthRow[];
  workers: WorkersRow[];
  memory: MemoryRow[];
  leak: LeakReport | undefined;
}

interface Surroundings {
  /** A folder for what is written meanwhile. */
  scratch: string;
  /** The processor of wrk and Redis, if the servers have another. */
  loadCore: number | undefined;
  say(line: string): void;
}

export async function measureAll(extent: Extent, { scratch, loadCore, say }: Surroundings): Promise<Results> {
  const began = performance.now();
  const where = machine();
  const redis = await startRedis(loadCore);
  const around = { redisUrl: redis.url, disk: scratch };
  const time = () => `${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s`;
  try {
    // None of these is about CPU time. They come first: on a file system that has just removed many files, as the groups
    // below do, planting takes several times as long (ext4 without a journal does not reuse their numbers for minutes).
    const files: ScaleRow[] = [];
    const scale = filesAtScale(folder('files'));
    const largest = Math.max(...extent.fileSessions);
    let leak: LeakReport | undefined;
    let memory: MemoryRow[] = [];
    for (const sessions of extent.fileSessions) {
      say(`${time()}  Files: ${sessions} sessions are made`);
      const filled = orElse(undefined, () => scale.fill(sessions));
      if (sessions === largest) {
        say(`${time()}  Meanwhile: ${extent.requests} requests, Redis's memory with ${extent.redisSessions} sessions`);
        [leak, memory] = await Promise.all([orElse(undefined, searchLeak), orElse([], measureMemory)]);
        await redis.admin.flushall('SYNC');
      }
      await filled;
      say(`${time()}  Files: ${sessions} sessions are read, written and swept`);
      files.push(...(await orElse([], async () => [await scale.measure()])));
    }

    const measured: GroupResults[] = [];
    for (const group of extent.groups) {
      say(`${time()}  ${group.title}: ${group.scenarios.join(', ')}`);
      measured.push(await measureGroup(group));
      await redis.admin.flushall('SYNC');
    }

    const [grown, workers] = extent.hasGrowth ? await measureGrowth() : [[], []];
    const seconds = Math.round((performance.now() - began) / 1000);
    const date = new Date().toISOString().slice(0, 10);
    return { date, seconds, machine: where, groups: measured, files, growth: grown, workers, memory, leak };
  } finally {
    await redis.close();
  }

  async function measureGrowth(): Promise<[GrowthRow[], WorkersRow[]]> {
    say(`${time()}  How the cost grows: with bytes, keys, sessions`);
    const grown = await orElse([], () => growth(redis.url, folder('growth'), extent.isQuick));
    await redis.admin.flushall('SYNC');
    say(`${time()}  How the cost grows: with workers`);
    const plan = {
      redisUrl: redis.url,
      directory: folder('workers'),
      counts: extent.workers,
      visits: extent.isQuick ? 500 : 1_500,
    };
    return [grown, await orElse([], () => byWorkers(plan))];
  }

  /** What fails does not take with it what took ten minutes. */
  async function orElse<T>(nothing: T, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      say(`${time()}  This failed: ${error instanceof Error ? error.stack : String(error)}`);
      process.exitCode = 1;
      return nothing;
    }
  }

  function folder(name: string): string {
    const path = join(scratch, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  async function measureGroup({ title, contestants, rounds, ...group }: Group): Promise<GroupResults> {
    const contenders: Contender[] = [];
    const postgres = group.server === 'postgres' ? await startOwnPostgres(loadCore) : undefined;
    const here = { ...around, ...(postgres && { postgresUrl: postgres.url }) };
    for (const contestant of contestants) contenders.push(await startContender(contestant, here, group.hasFreed));
    const found: GroupResults = { title, scenarios: {} };
    const giver = await startContender(rawFiles, around);
    const [plainCookie = ''] = await fillWithSessions(giver.port, 1, 300);
    await giver.close();
    const sessionsOf = sessionsInTurn(plainCookie);
    for (const name of group.scenarios) {
      const scenario = scenarios[name];
      const plan = { scenario, contenders, rounds, seconds: 1, loadCore, server: postgres ?? redis, sessionsOf };
      found.scenarios[name] = Object.fromEntries(await measureRounds(plan));
    }
    for (const contender of contenders) await contender.close();
    await postgres?.close();
    return found;
  }

  async function searchLeak(): Promise<LeakReport> {
    const contender = await startContender(sessRedis, around);
    const cookieFile = join(folder('leak'), 'cookies.txt');
    const cookies = await fillWithSessions(contender.port, 1000, 300);
    writeFileSync(cookieFile, cookies.map((cookie) => `${cookie}\n`).join(''));
    await contender.close();
    return memoryGrowth(around, extent.requests, cookieFile, loadCore);
  }

  /** On a server of its own: the other one is in use. */
  async function measureMemory(): Promise<MemoryRow[]> {
    const own = await startRedis(loadCore);
    try {
      return await redisMemory(own, extent.redisSessions);
    } finally {
      await own.close();
    }
  }
}
