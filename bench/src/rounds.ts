import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contender } from './contender.ts';
import { type LoadReport, load } from './load.ts';
import type { OwnRedis } from './redis-server.ts';
import type { Scenario } from './scenario.ts';
import { fillWithSessions } from './visitor.ts';

/** One contestant in one round. */
export interface Measurement {
  /** CPU time of the server's process for one request, all of its threads, in microseconds. */
  cpuUs: number;
  requestsPerSecond: number;
  p50Us: number;
  p99Us: number;
  /** What went to and from Redis for one request. */
  redisBytes: number;
}

/** A scenario's rounds: by contestant, one measurement a round. */
export type Rounds = Map<string, Measurement[]>;

export interface RoundsPlan {
  scenario: Scenario;
  contenders: readonly Contender[];
  rounds: number;
  seconds: number;
  loadCore?: number | undefined;
  redis: OwnRedis;
  /** The `Cookie` header that servers without sessions get. */
  plainCookie: string;
}

/**
 * Measures contestants in turns, each once a round and each round in another order, so that what the machine does
 * besides falls on all of them. No round is left out.
 */
export async function measureRounds(plan: RoundsPlan): Promise<Rounds> {
  const { scenario, contenders, rounds, seconds, loadCore, redis } = plan;
  const folder = mkdtempSync(join(tmpdir(), 'sess-bench-cookies-'));
  const results: Rounds = new Map();
  const runs = new Map<Contender, (seconds: number) => Promise<LoadReport>>();
  try {
    for (const [number, contender] of contenders.entries()) {
      const file = join(folder, `${number}.txt`);
      const cookies = await fillWithSessions(contender.port, scenario.sessions, scenario.bytes);
      const lines = cookies.map((cookie) => (cookie === '' ? plan.plainCookie : cookie));
      writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
      results.set(contender.contestant.name, []);
      runs.set(contender, (time) =>
        load({
          port: contender.port,
          path: scenario.path,
          ...(scenario.sessions > 0 && { cookieFile: file }),
          connections: scenario.connections,
          seconds: time,
          core: loadCore,
        }),
      );
    }
    // The compiler has its time.
    for (const run of runs.values()) await run(1);
    for (let round = 0; round < rounds; round += 1) {
      for (const contender of inAnotherOrder(contenders)) {
        const run = runs.get(contender);
        if (run !== undefined)
          results.get(contender.contestant.name)?.push(await measure(contender, () => run(seconds), redis));
      }
    }
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(contender: Contender, run: () => Promise<LoadReport>, redis: OwnRedis): Promise<Measurement> {
  const [before, bytesBefore] = [await contender.sample(), await bytesOf(redis)];
  const report = await run();
  const [after, bytesAfter] = [await contender.sample(), await bytesOf(redis)];
  const requests = after.requests - before.requests;
  if (report.failed > 0) throw new Error(`${contender.contestant.name}: ${report.failed} requests failed.`);
  return {
    cpuUs: (after.cpuUs - before.cpuUs) / requests,
    requestsPerSecond: report.requests / (report.durationUs / 1e6),
    p50Us: report.p50Us,
    p99Us: report.p99Us,
    redisBytes: (bytesAfter - bytesBefore) / requests,
  };
}

async function bytesOf({ admin }: OwnRedis): Promise<number> {
  const info = await admin.info('stats');
  const read = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(info)?.[1]);
  return read('total_net_input_bytes') + read('total_net_output_bytes');
}

function inAnotherOrder<T>(list: readonly T[]): T[] {
  return list
    .map((value) => ({ value, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ value }) => value);
}
