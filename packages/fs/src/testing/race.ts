import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { SessionKey } from '@sess/core';
import type { AppStore, PlainRecord } from './app-store.mjs';
import { fastDirectory, keyOf, minuteMs, openStore } from './directories.ts';
import { type Outcome, interleave } from './interleave.ts';

export const raceKey: SessionKey = keyOf('the session of a race');

/** A directory with one session in question, and a clock. */
export interface Scene {
  /** From 1 on. */
  round: number;
  directory: string;
  now(): number;
  pass(ms: number): void;
  /** A store of its own for each actor, as in a process of its own. */
  store(): AppStore;
  /** What lies under the key, as somebody sees it who takes no part. */
  read(): Promise<PlainRecord | 'ended' | undefined>;
}

export type Outcomes = Record<string, Outcome>;

export interface Race {
  rounds: number;
  setUp?(scene: Scene): unknown;
  /** At most three at a time: so many calls are let in at once. */
  actors(scene: Scene): Record<string, () => Promise<unknown>>;
  /** How many of the actors die on the way. */
  deaths?: number;
  /** In some rounds the clock jumps by this much between two steps, so that what was just made looks old. */
  jumpMs?: number;
  verify(scene: Scene, outcomes: Outcomes): Promise<void>;
}

export const graceMs: number = 60 * minuteMs;

/**
 * Runs every round in another order, which its number decides.
 *
 * @returns how many rounds were verified
 */
export async function race({ rounds, setUp, actors, deaths = 0, jumpMs, verify }: Race): Promise<number> {
  const directory = fastDirectory();
  for (let round = 1; round <= rounds; round++) {
    const scene = sceneIn(directory, round);
    await setUp?.(scene);
    const named = actors(scene);
    let stepsToJump = jumpMs !== undefined && round % 3 > 0 ? round % 29 : Infinity;
    const list = await interleave({
      seed: round,
      actors: Object.values(named),
      deaths,
      beforeStep() {
        if (stepsToJump-- === 0) scene.pass(jumpMs ?? 0);
      },
    });
    const outcomes: Outcomes = Object.fromEntries(
      Object.keys(named).map((name, index) => [name, list[index] ?? { died: true }]),
    );
    try {
      await verify(scene, outcomes);
    } catch (error) {
      const names = readdirSync(scene.directory, { recursive: true }).join(' ');
      throw new Error(`round ${round}: ${JSON.stringify(outcomes)} left ${names}`, { cause: error });
    }
    rmSync(scene.directory, { recursive: true });
  }
  return rounds;
}

function sceneIn(above: string, round: number): Scene {
  const directory = join(above, String(round));
  let now = 1_700_000_000_000;
  const clock = () => now;
  const store = () => openStore({ directory, clock, graceMs });
  const observer = store();
  return { round, directory, now: clock, pass: (ms) => void (now += ms), store, read: () => observer.read(raceKey) };
}

/** What an actor answered; `'died'`; or its error, thrown. */
export function answerOf(outcomes: Outcomes, name: string): unknown {
  const outcome = outcomes[name];
  if (outcome === undefined) return undefined;
  if ('error' in outcome) throw outcome.error;
  return 'value' in outcome ? outcome.value : 'died';
}
