import type { SessionKey, SessionStore, StoreAbilities } from '@sess/core';

type Body = () => Promise<void>;

/** The part of a test runner that vitest, node:test, jest and mocha have in common. */
export interface TestRunner {
  /** Groups tests. */
  describe(name: string, body: () => void): unknown;
  /** Declares a test. */
  it: {
    /** `timeoutMs` is for vitest and jest; the others do not look at it. */
    (name: string, body: Body, timeoutMs?: number): unknown;
    skip?(name: string, body: Body): unknown;
  };
}

/** What a test asks the author of a store for. */
export interface OpenContext {
  /** Unique for each test, in `[a-z0-9-]`: the prefix, the directory, the schema of this test. */
  id: string;
  /** How many handles on the one storage are wanted. */
  instances: number;
  /** The suite's clock. It stands still until a test moves it; with `ownClock` it is the machine's. */
  clock: () => number;
}

/** Damage that only the author of a store knows how to do, and a look at what lies in the storage. */
export interface Plant {
  /** Stores a session under the key and then damages it: cuts it short, flips bytes. */
  corrupt(key: SessionKey): Promise<void>;
  /** Puts something under the key that is whole, but nothing that this store ever wrote. */
  foreign(key: SessionKey): Promise<void>;
  /** Stores a session under the key in a format version of the future. */
  tooNew(key: SessionKey): Promise<void>;
  /** Everything that lies under the key, to be compared with what lay there before. */
  raw(key: SessionKey): Promise<unknown>;
}

/** A storage that a suite runs on. */
export interface OpenStorage {
  /**
   * Handles on one and the same storage, which is empty, each as independent of the others as those
   * of two processes: a client of its own, no common cache, no common queue.
   */
  stores: readonly SessionStore[];
  /** Damages what is stored, for the tests of records that are torn or foreign. */
  plant?: Plant;
  /** Clears up. Stores that declare `close` have been closed before. */
  dispose?(): Promise<void>;
}

/** The name of an ability. */
export type AbilityName = keyof StoreAbilities;

/** What the suite needs to know of a store. */
export interface StoreTestOptions {
  /** The title of the suite: `redis`. */
  name: string;
  /** The functions of your test runner. */
  runner: TestRunner;
  /** Opens a storage of its own for one test. */
  open(context: OpenContext): Promise<OpenStorage> | OpenStorage;
  /** The abilities that the store has. Tests of others are skipped by name. */
  abilities?: readonly AbilityName[];
  /** `open` returns a `plant`. Without one the tests of damaged records are skipped. @default false */
  plants?: boolean;
  /**
   * The storage judges deadlines by its own clock, which the suite cannot move: it then uses short
   * real deadlines, and polls. @default false
   */
  ownClock?: boolean;
  /** How often each race is run. @default 200 */
  rounds?: number;
  /** What the delays inside races are drawn from; a failure names it. @default 1 */
  seed?: number;
}
