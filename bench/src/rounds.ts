import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Contender } from './contender.ts';
import { type LoadReport, load } from './load.ts';
import type { MeasuredServer } from './measured-server.ts';
import type { Scenario } from './scenario.ts';
import { fillWithSessions, visit } from './visitor.ts';

/** One contestant in one round. */
export interface Measurement {
  /** CPU time of the server's process for one request, all of its threads, in microseconds. */
  cpuUs: number;
  requestsPerSecond: number;
  p50Us: number;
  p99Us: number;
  /** CPU time of the store's server for one request, in microseconds. */
  serverCpuUs: number;
  /** What went to and from it for one request, and how many commands clients sent; `NaN` if it does not tell. */
  bytes: number;
  commands: number;
}

/** A scenario's rounds: by contestant, one measurement a round. */
export type Rounds = Map<string, Measurement[]>;

export interface RoundsPlan {
  scenario: Scenario;
  contenders: readonly Contender[];
  rounds: number;
  seconds: number;
  loadCore?: number | undefined;
  server: MeasuredServer;
  /** The `Cookie` headers of sessions that a contender has made for this kind of scenario. */
  sessionsOf(contender: Contender, scenario: Scenario): Promise<readonly string[]>;
}

/**
 * Measures contestants in turns, each once a round and each round in another order, so that what the machine does
 * besides falls on all of them. No round is left out.
 */
export async function measureRounds(plan: RoundsPlan): Promise<Rounds> {
  const { scenario, contenders, rounds, seconds, loadCore, server } = plan;
  const folder = mkdtempSync(join(tmpdir(), 'sess-bench-cookies-'));
  const results: Rounds = new Map();
  const runs = new Map<Contender, (seconds: number) => Promise<LoadReport>>();
  const commands = new Map<Contender, number>();
  try {
    for (const [number, contender] of contenders.entries()) {
      const file = join(folder, `${number}.txt`);
      const cookies = await plan.sessionsOf(contender, scenario);
      writeFileSync(file, cookies.map((cookie) => `${cookie}\n`).join(''));
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
    // The compiler has its time, and requests whose client is gone have theirs: their commands are nobody's.
    // (Half a second each, all at once, was too little: the first of six rounds was a fifth dearer than the others.)
    for (const run of runs.values()) await warmUp(run, scenario);
    await setTimeout(300);
    for (const contender of contenders) commands.set(contender, await commandsOf(contender, plan));
    for (let round = 0; round < rounds; round += 1) {
      for (const contender of inAnotherOrder(contenders)) {
        const run = runs.get(contender);
        if (run === undefined) continue;
        const measured = await measure(contender, () => run(seconds), server);
        const sent = commands.get(contender) ?? 0;
        results.get(contender.contestant.name)?.push({ ...measured, commands: sent });
      }
    }
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Until each session has been visited twice: what a first write has to make, later ones find. At most five seconds. */
async function warmUp(run: (seconds: number) => Promise<LoadReport>, { sessions }: Scenario): Promise<void> {
  let visits = 0;
  for (let seconds = 0; seconds < 5 && (seconds === 0 || visits < 2 * sessions); seconds += 1) {
    visits += (await run(1)).requests;
  }
}

/** Commands for one request, over 20 that come one after the other. */
async function commandsOf({ port }: Contender, { scenario, server }: RoundsPlan): Promise<number> {
  const requests = 20;
  const [cookie] = scenario.sessions > 0 ? await fillWithSessions(port, 1, scenario.bytes) : [];
  const sent = await server.commandsDuring(async () => {
    for (let made = 0; made < requests; made += 1) await visit(port, scenario.path, cookie || undefined);
  });
  return sent / requests;
}

async function measure(
  contender: Contender,
  run: () => Promise<LoadReport>,
  server: MeasuredServer,
): Promise<Omit<Measurement, 'commands'>> {
  const [before, serverBefore] = [await contender.sample(), await server.used()];
  const report = await run();
  const [after, serverAfter] = [await contender.sample(), await server.used()];
  const requests = after.requests - before.requests;
  if (report.failed > 0) throw new Error(`${contender.contestant.name}: ${report.failed} requests failed.`);
  return {
    cpuUs: (after.cpuUs - before.cpuUs) / requests,
    requestsPerSecond: report.requests / (report.durationUs / 1e6),
    p50Us: report.p50Us,
    p99Us: report.p99Us,
    serverCpuUs: (serverAfter.cpuUs - serverBefore.cpuUs) / requests,
    bytes: (serverAfter.bytes - serverBefore.bytes) / requests,
  };
}

function inAnotherOrder<T>(list: readonly T[]): T[] {
  return list
    .map((value) => ({ value, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ value }) => value);
}
