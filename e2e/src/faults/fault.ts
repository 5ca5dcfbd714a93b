import type { DemoDescription, RunningDemo } from '../start-demo.ts';
import type { Judged, Rules } from './judge.ts';
import type { Load } from './load.ts';
import type { Random } from '@sess/store-tests';
import type { Storage } from './storage.ts';
import { tallyOf } from './tally.ts';

/** What a fault acts on: an app of several workers, its storage, and its visitors. */
export interface Scene<S extends Storage> {
  readonly storage: S;
  readonly app: RunningDemo;
  /** Starts the same app once more on the same storage, with other settings: a deploy. */
  another(env: Readonly<Record<string, string>>): Promise<RunningDemo>;
  readonly load: Load;
  readonly random: Random;
  /** The process ids of the workers that answer now. */
  workers(): Promise<number[]>;
}

/** Resolves when nothing is broken any more, with what proves that the fault happened. Rejects if it did not. */
export type Mend = () => Promise<string>;

export interface Fault<S extends Storage> {
  /** As the catalogue has it: several rows may be of one fault. */
  readonly id: string;
  readonly name: string;
  /** How it is made. */
  readonly how: string;
  storage(): Promise<S>;
  begin(scene: Scene<S>): Promise<Mend>;
  /** Between the two. */
  readonly lastsMs?: number;
  /** Why it cannot be made on this machine, if so. */
  missing?(): string | undefined;
  readonly rules?: Partial<Rules>;
  /** What has to be seen while it lasts, in words, if it is not. */
  expects?(during: readonly Judged[]): string | undefined;
  /** How often workers end at most: more is a crash. */
  readonly ends?: 'killed' | 'stopped';
  /** Played on every framework, and not on Express alone. */
  readonly isForFrameworks?: boolean;
  /** Played on other libraries too. */
  readonly isForPeers?: boolean;
  /** Played on this app, and not on the demo of a contestant: it needs settings that the demo has not. */
  readonly app?: DemoDescription;
  /** What the app is told besides. */
  readonly env?: Readonly<Record<string, string>>;
}

export function refuses(during: readonly Judged[]): string | undefined {
  return tallyOf(during).refused > 0 ? undefined : 'nothing was refused, so the fault may not have reached anybody';
}

export function goesOn(during: readonly Judged[]): string | undefined {
  const { right } = tallyOf(during);
  return right > 10 ? undefined : `only ${right} requests were answered while it lasted`;
}
