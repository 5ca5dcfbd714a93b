import type { SeenSession } from './seen-session.ts';

/** What is known of many sessions together. Memory: a number for each, and a line for each name of a key. */
export interface Figures {
  sessions: number;
  /** Records that the store does not understand. */
  unreadable: number;
  withOwner: number;
  owners: number;
  bytes: Spread;
  /** Milliseconds since the sessions began. */
  ageMs: Spread;
  /** Milliseconds since they were last written or touched. */
  idleMs: Spread;
  /** Milliseconds until they expire. */
  leftMs: Spread;
  largest: { handle: string; bytes: number } | undefined;
  /** The keys that take the most room, all sessions together. */
  keys: { name: string; sessions: number; bytes: number }[];
}

export interface Spread {
  total: number;
  smallest: number;
  median: number;
  /** 95 of 100 are not larger. */
  p95: number;
  largest: number;
}

export interface FigureCollector {
  add(session: SeenSession): void;
  addUnreadable(): void;
  result(): Figures;
}

/** Names of keys that are counted; an app that makes up names for each user has without end of them. */
const NAMES = 10_000;

/** How many keys are told. */
const TOLD = 5;

export function collectFigures(now: number): FigureCollector {
  const numbers = { bytes: [] as number[], ageMs: [] as number[], idleMs: [] as number[], leftMs: [] as number[] };
  const owners = new Set<string>();
  const keys = new Map<string, { name: string; sessions: number; bytes: number }>();
  let largest: Figures['largest'];
  let withOwner = 0;
  let unreadable = 0;

  return {
    add(session) {
      numbers.bytes.push(session.bytes);
      numbers.ageMs.push(Math.max(0, now - session.createdAt));
      numbers.idleMs.push(Math.max(0, now - session.touchedAt));
      numbers.leftMs.push(Math.max(0, session.expiresAt - now));
      if (session.owner !== undefined) {
        withOwner += 1;
        owners.add(session.owner);
      }
      if (largest === undefined || session.bytes > largest.bytes)
        largest = { handle: session.handle, bytes: session.bytes };
      for (const { name, bytes } of session.keys) {
        const known = keys.get(name);
        if (known !== undefined) {
          known.sessions += 1;
          known.bytes += bytes;
        } else if (keys.size < NAMES) keys.set(name, { name, sessions: 1, bytes });
      }
    },
    addUnreadable() {
      unreadable += 1;
    },
    result: () => ({
      sessions: numbers.bytes.length,
      unreadable,
      withOwner,
      owners: owners.size,
      bytes: spreadOf(numbers.bytes),
      ageMs: spreadOf(numbers.ageMs),
      idleMs: spreadOf(numbers.idleMs),
      leftMs: spreadOf(numbers.leftMs),
      largest,
      keys: [...keys.values()].toSorted((a, b) => b.bytes - a.bytes).slice(0, TOLD),
    }),
  };
}

function spreadOf(numbers: readonly number[]): Spread {
  const sorted = Float64Array.from(numbers).toSorted();
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? sorted[0] ?? 0;
  return {
    total: sorted.reduce((sum, number) => sum + number, 0),
    smallest: sorted[0] ?? 0,
    median: at(0.5),
    p95: at(0.95),
    largest: sorted.at(-1) ?? 0,
  };
}
