import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { startDemo } from '../start-demo.ts';
import type { Fault, Scene } from './fault.ts';
import type { History } from './history.ts';
import { judge, strict } from './judge.ts';
import { Load } from './load.ts';
import { type Contestant, full } from './play-row.ts';
import { seeded } from '@sess/store-tests';
import type { Storage, StoreName } from './storage.ts';
import { type Tally, tallyOf } from './tally.ts';
import { workersOf } from './workers-of.ts';

/** Hours, or minutes, of mixed load with a fault every twenty seconds. */
export interface EnduranceRow extends Tally {
  readonly store: StoreName;
  readonly minutes: number;
  readonly faults: number;
  /** Of all workers together, in MiB: in the second quarter of the time, and in the last. */
  readonly memoryMiB: readonly [number, number];
  /** The most open files of one worker, in the same quarters. */
  readonly descriptors: readonly [number, number];
  readonly left: string;
  readonly problems: readonly string[];
}

export interface Endured {
  readonly result: EnduranceRow;
  readonly history: History;
  /** All that the app printed, both streams. */
  readonly output: string;
}

export interface Lasting<S extends Storage> {
  readonly storage: () => Promise<S>;
  readonly faults: readonly Fault<S>[];
  /** Says what lies in the storage when everybody has logged out. Throws where something has no end. */
  left(storage: S): Promise<string>;
}

interface Sample {
  readonly at: number;
  readonly memoryMiB: number;
  readonly descriptors: number;
}

const everyMs = 20_000;

export async function endure<S extends Storage>(
  { storage: open, faults, left }: Lasting<S>,
  contestant: Contestant,
  { minutes, seed, say }: { minutes: number; seed: number; say: (line: string) => void },
): Promise<Endured> {
  const storage = await open();
  const { store, env } = storage;
  const app = await startDemo(contestant.demo, { store, workers: 3, env });
  try {
    const random = seeded(seed);
    const load = new Load(app.url, { seed, users: 6 });
    const refused = (): never => {
      throw new Error('No deploy while it lasts.');
    };
    const scene: Scene<S> = { storage, app, another: refused, load, random, workers: () => workersOf(app.url) };
    await load.start();
    const pids = await scene.workers();
    const samples: Sample[] = [];
    const sampler = setInterval(() => samples.push(sampleOf(pids)), 1_000);
    const startedAt = performance.now();
    let count = 0;
    while (performance.now() - startedAt < minutes * 60_000) {
      const fault = random.pick(faults);
      const nextAt = performance.now() + everyMs;
      const mend = await fault.begin(scene);
      await pause(fault.lastsMs ?? full.lastsMs);
      say(`${store}: ${fault.id} ${fault.name}: ${await mend()}`);
      await load.sendBystandersAway();
      count += 1;
      await pause(Math.max(0, nextAt - performance.now()));
    }
    await load.untilServed(1_000);
    await load.stop();
    clearInterval(sampler);
    await load.lookAtAll();
    const judged = judge(load.history, { ...strict, latestMs: 8_000 });
    await load.logOutAll();
    const memoryMiB = halves(samples, 'memoryMiB');
    const descriptors = halves(samples, 'descriptors');
    const wrong = judged.flatMap(({ verdict }) => (verdict.outcome === 'wrong' ? [verdict.problem] : []));
    const problems = [...wrong.slice(0, 5), ...growth('memory, MiB', memoryMiB), ...growth('open files', descriptors)];
    if (app.output().includes(' died: ')) problems.push(`a worker crashed: ${app.output().slice(-1_000)}`);
    return {
      history: load.history,
      output: app.output(),
      result: {
        store,
        minutes,
        faults: count,
        ...tallyOf(judged),
        memoryMiB,
        descriptors,
        left: await left(storage),
        problems,
      },
    };
  } catch (error) {
    throw new Error(`It could not be gone through. The app said at last:\n${app.output().slice(-4_000)}`, {
      cause: error,
    });
  } finally {
    await app.stop();
    await storage.close();
  }
}

function sampleOf(pids: readonly number[]): Sample {
  const pages = pids.map((pid) => Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]));
  const files = pids.map((pid) => readdirSync(`/proc/${pid}/fd`).length);
  return {
    at: performance.now(),
    memoryMiB: Math.round(pages.reduce((sum, count) => sum + count, 0) / 256),
    descriptors: Math.max(...files),
  };
}

const halves = (samples: readonly Sample[], what: 'memoryMiB' | 'descriptors'): [number, number] => [
  of(samples, 0.25, 0.5, what),
  of(samples, 0.75, 1, what),
];

/** What grows with the time, and not only with the last fault. A heap of a young process still finds its size. */
function growth(what: string, [before, after]: readonly [number, number]): string[] {
  return after <= 1.25 * before + 10 ? [] : [`it grows: ${what}, ${before} to ${after}`];
}

/** The median in a part of the time: a fault makes peaks. */
function of(samples: readonly Sample[], from: number, to: number, what: 'memoryMiB' | 'descriptors'): number {
  const part = samples.slice(Math.floor(samples.length * from), Math.ceil(samples.length * to));
  return part.map((sample) => sample[what]).toSorted((a, b) => a - b)[Math.floor(part.length / 2)] ?? 0;
}
