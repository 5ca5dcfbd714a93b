import { setTimeout as pause } from 'node:timers/promises';
import { type DemoDescription, type RunningDemo, startDemo } from '../start-demo.ts';
import type { Fault } from './fault.ts';
import type { History } from './history.ts';
import { type Judged, type Rules, judge, strict } from './judge.ts';
import { Load } from './load.ts';
import { seeded } from '@sess/store-tests';
import type { Storage, StoreName } from './storage.ts';
import { type Tally, tallyOf } from './tally.ts';
import { workers, workersOf } from './workers-of.ts';

/** What is put to the test: a demo, or the same routes on another library. */
export interface Contestant {
  readonly name: string;
  readonly demo: DemoDescription;
  readonly rules?: Partial<Rules>;
  readonly hasLogoutEverywhere?: boolean;
}

export interface Extent {
  readonly users: number;
  /** Before the fault. */
  readonly warmMs: number;
  /** How long a fault lasts that does not say so itself. */
  readonly lastsMs: number;
  /** How long everybody must have been served before it counts as over. */
  readonly calmMs: number;
}

export const full: Extent = { users: 6, warmMs: 500, lastsMs: 1_500, calmMs: 1_000 };
export const short: Extent = { users: 3, warmMs: 150, lastsMs: 700, calmMs: 300 };

/** One line of the table. */
export interface RowResult extends Tally {
  readonly id: string;
  readonly fault: string;
  readonly how: string;
  readonly store: StoreName;
  readonly contestant: string;
  readonly seed: number;
  /** Of these, what was under way while the fault lasted. */
  readonly during: Tally;
  readonly recoveredMs: number;
  /** What shows that the fault happened. */
  readonly proof: string;
  /** How often what was wrong. */
  readonly wrongs: Readonly<Record<string, number>>;
  /** What was wrong, in words: the first of each kind. */
  readonly problems: readonly string[];
  /** Why the row is not one: the fault did not happen, or met nobody; a worker crashed. */
  readonly failure?: string;
}

export interface Played {
  readonly result: RowResult;
  readonly history: History;
  /** All that the apps printed, both streams. */
  readonly output: string;
}

/** Visitors before, during and after a fault, and what they were told. */
export async function playRow<S extends Storage>(
  fault: Fault<S>,
  contestant: Contestant,
  { seed, extent }: { readonly seed: number; readonly extent: Extent },
): Promise<Played> {
  const storage = await fault.storage();
  const apps: RunningDemo[] = [];
  const said = (): string => apps.map(({ output }) => output()).join('\n');
  try {
    const { store, uid } = storage;
    const another = async (more: Fault<S>['env']): Promise<RunningDemo> => {
      const env = { ...storage.env, ...fault.env, ...more };
      const started = await startDemo(fault.app ?? contestant.demo, {
        store,
        workers,
        env,
        startsWithinMs: 60_000,
        ...(uid !== undefined && { uid }),
      });
      apps.push(started);
      return started;
    };
    const app = await another({});
    const { hasLogoutEverywhere = true } = contestant;
    const load = new Load(app.url, { seed, users: extent.users, hasLogoutEverywhere });
    const scene = { storage, app, another, load, random: seeded(seed), workers: () => workersOf(app.url) };
    await load.start();
    await pause(extent.warmMs);
    const beganAt = performance.now();
    const mend = await fault.begin(scene);
    await pause(fault.lastsMs ?? extent.lastsMs);
    const proof = await mend();
    const endedAt = performance.now();
    await load.untilServed(extent.calmMs);
    await load.stop();
    await load.lookAtAll();

    const rules = { ...strict, ...fault.rules, ...contestant.rules };
    const judged = judge(load.history, rules);
    const failure = crashIn(said(), fault.ends) ?? expected(fault, judged, beganAt, endedAt);
    return {
      history: load.history,
      output: said(),
      result: {
        id: fault.id,
        fault: fault.name,
        how: fault.how,
        store,
        contestant: contestant.name,
        seed,
        ...summary(judged, beganAt, endedAt),
        proof,
        ...(failure !== undefined && { failure }),
      },
    };
  } catch (error) {
    throw new Error(`It could not be played. The apps said at last:\n${said().slice(-4_000)}`, { cause: error });
  } finally {
    await Promise.all(apps.map((app) => app.stop()));
    await storage.close();
  }
}

const whileBroken = (judged: readonly Judged[], beganAt: number, endedAt: number): Judged[] =>
  judged.filter(({ visit }) => visit.endedAt >= beganAt && visit.askedAt <= endedAt);

function expected<S extends Storage>(
  fault: Fault<S>,
  judged: readonly Judged[],
  beganAt: number,
  endedAt: number,
): string | undefined {
  const during = whileBroken(judged, beganAt, endedAt);
  if (during.length < 10) return `only ${during.length} requests met the fault`;
  return fault.expects?.(during);
}

type Summary = Tally & Pick<RowResult, 'during' | 'recoveredMs' | 'wrongs' | 'problems'>;

function summary(judged: readonly Judged[], beganAt: number, endedAt: number): Summary {
  const wrongs: Record<string, number> = {};
  const problems: string[] = [];
  for (const { verdict } of judged) {
    if (verdict.outcome !== 'wrong') continue;
    wrongs[verdict.wrong] = (wrongs[verdict.wrong] ?? 0) + 1;
    if (wrongs[verdict.wrong] === 1) problems.push(`${verdict.wrong}: ${verdict.problem}`);
  }
  const troubles = judged.filter(({ verdict: { outcome } }) => outcome === 'refused' || outcome === 'broken off');
  const lastTrouble = troubles.reduce((latest, { visit }) => Math.max(latest, visit.endedAt), endedAt);
  return {
    ...tallyOf(judged),
    during: tallyOf(whileBroken(judged, beganAt, endedAt)),
    recoveredMs: Math.round(lastTrouble - endedAt),
    wrongs,
    problems,
  };
}

/** A worker that ended by itself: nobody killed it, nobody asked it to stop. */
function crashIn(output: string, ends: Fault<Storage>['ends']): string | undefined {
  const deaths = output.split('\n').filter((line) => / died: /.test(line));
  const meant = { killed: /died: SIGKILL/, stopped: /died: exit 0/ };
  const crash = deaths.find((line) => ends === undefined || !meant[ends].test(line));
  return crash === undefined ? undefined : `a worker crashed: ${crash}\n${output.slice(-2_000)}`;
}
