/** What a browser asks for. */
export type Deed = 'login' | 'logout' | 'logout everywhere' | 'look' | 'get' | 'set' | 'count';

/** One request of a browser, and what it was told. Times are milliseconds of `performance.now()`. */
export interface Visit {
  readonly deed: Deed;
  readonly user: string;
  /** A name for the session whose cookie was sent; of a login the one that it began. A stranger's has none. */
  readonly session?: string;
  readonly askedAt: number;
  readonly endedAt: number;
  /** None: there was no answer, and the outcome is not known. */
  readonly status?: number;
  /** Of a request without an answer, and of one with a status that nobody expects. */
  readonly said?: string;
  /** The names of cookies that the answer sets or clears. */
  readonly cookies: readonly string[];
  /** `Retry-After` and `Cache-Control` of a 503. */
  readonly retryAfter?: string;
  readonly cacheControl?: string;
  /** How long the handler itself was asked to wait. */
  readonly delayMs?: number;
  /** How long this process itself stood still meanwhile: an answer may have lain there. */
  readonly stalledMs?: number;
  /** The key of a `get` or a `set`, and what was read or written. */
  readonly key?: string;
  readonly value?: unknown;
  /** Whom a `look` was shown as logged in. */
  readonly shown?: unknown;
  /** What a `look` or a `count` was told. */
  readonly views?: number;
  /** Asked when the fault was over: a 503 is wrong now. */
  readonly isCalm?: boolean;
}

/** Something that took all sessions away from outside: a `FLUSHALL`, a server that keeps nothing on disk. */
export interface Wipe {
  readonly askedAt: number;
  readonly endedAt: number;
  /** Not all that was stored need be gone. */
  readonly isPartial: boolean;
}

/** All that everybody was told. */
export interface History {
  readonly visits: readonly Visit[];
  readonly wipes: readonly Wipe[];
}

/** How long an app took for an answer, as far as that was the app's doing. */
export const tookMs = ({ askedAt, endedAt, delayMs = 0, stalledMs = 0 }: Visit): number =>
  Math.round(endedAt - askedAt - delayMs - stalledMs);

export const isConfirmed = ({ status }: Visit): boolean => status === 200;

/** Node.js 20 has no `Map.groupBy`. */
export function grouped<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
