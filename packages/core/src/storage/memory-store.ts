import { type Clock, systemClock } from '../clock.ts';
import { assertKnownOptions } from '../known-options.ts';
import { copyOfFields } from '../record-fields.ts';
import {
  type DestroyOptions,
  type EndMarker,
  type SessionKey,
  type SessionRecord,
  type SessionStore,
  type StoredSession,
  type Successor,
  isSuccession,
} from '../store.ts';
import type {
  ChecksItself,
  Closes,
  DescribesItself,
  Finding,
  IndexesOwners,
  OwnerPage,
  Sweeps,
  WalksKeys,
} from '../store-abilities.ts';

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /** @default the machine's clock */
  clock?: Clock;
}

/** A store in the memory of this process, with all abilities but `noteApp`, `tellEnds`, `probe` and `migrate`. */
export type MemoryStore = SessionStore & DescribesItself & IndexesOwners & WalksKeys & Sweeps & ChecksItself & Closes;

/** A session as it is held; its version is this object itself. Another state of the session is another object. */
interface Held {
  readonly record: SessionRecord;
  readonly expiresAt: number;
}

/** What is left of an ended session. */
interface Ended {
  readonly ended: true;
  readonly successor: Successor | undefined;
  readonly expiresAt: number;
}

/** How many entries each write looks at, so that expired ones leave without a timer. */
const lookedAtPerWrite = 4;

const keysPerPage = 1_000;

const perProcess: Finding = {
  code: 'MEMORY_PER_PROCESS',
  severity: 'warning',
  text: 'The memory store is not shared: each process has sessions of its own, and a restart ends them all.',
  fix: 'With several workers, or to keep sessions over a restart, use @sess/redis or @sess/fs.',
};

/**
 * Keeps sessions in this process, for tests and for apps of one process.
 *
 * Every verb is one synchronous step, so nothing can come between a check and its write.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  assertKnownOptions('memoryStore()', options, ['clock']);
  const clock = options.clock ?? systemClock;
  const entries = new Map<SessionKey, Held | Ended>();
  const owners = new Map<string, Set<SessionKey>>();
  let cursor = entries.entries();

  function standing(key: SessionKey): Held | Ended | undefined {
    const entry = entries.get(key);
    return entry === undefined || clock() >= entry.expiresAt ? undefined : entry;
  }

  function live(key: SessionKey): Held | undefined {
    const entry = standing(key);
    return entry === undefined || 'ended' in entry ? undefined : entry;
  }

  function put(key: SessionKey, entry: Held | Ended): void {
    leaveOwner(key);
    entries.set(key, entry);
    if ('ended' in entry || entry.record.owner === undefined) return;
    const keys = owners.get(entry.record.owner) ?? new Set();
    owners.set(entry.record.owner, keys.add(key));
  }

  function endedFor(endMarkerMs: number, successor: Successor | undefined): Ended {
    return { ended: true, successor, expiresAt: clock() + endMarkerMs };
  }

  function remove(key: SessionKey): void {
    leaveOwner(key);
    entries.delete(key);
  }

  function leaveOwner(key: SessionKey): void {
    const entry = entries.get(key);
    if (entry === undefined || 'ended' in entry || entry.record.owner === undefined) return;
    const keys = owners.get(entry.record.owner);
    keys?.delete(key);
    if (keys?.size === 0) owners.delete(entry.record.owner);
  }

  /** A `Map`'s iterator stays good while the map changes, so each write carries on where the last one stopped. */
  function sweepALittle(): void {
    for (let count = 0; count < lookedAtPerWrite; count++) {
      const next = cursor.next();
      if (next.done) {
        cursor = entries.entries();
        return;
      }
      const [key, entry] = next.value;
      if (clock() >= entry.expiresAt) remove(key);
    }
  }

  return {
    async create(key, record) {
      assertKey(key);
      sweepALittle();
      if (standing(key) !== undefined) return undefined;
      const held = hold(record);
      put(key, held);
      return { version: held };
    },

    async read(key) {
      assertKey(key);
      const entry = standing(key);
      if (entry === undefined) return undefined;
      return 'ended' in entry ? markerOf(entry) : storedSession(entry);
    },

    async replace(key, version, next) {
      assertKey(key);
      sweepALittle();
      const held = live(key);
      if (held === undefined) return { verdict: 'gone' };
      if (held !== version) return { verdict: 'conflict', stored: storedSession(held) };
      const entry = isSuccession(next) ? endedFor(next.endMarkerMs, { ...next.successor }) : hold(next);
      put(key, entry);
      return { verdict: 'replaced', version: entry };
    },

    async destroy(key, { endMarkerMs = 0 }: DestroyOptions) {
      assertKey(key);
      sweepALittle();
      const entry = standing(key);
      if (entry !== undefined && 'ended' in entry) return markerOf(entry);
      if (endMarkerMs > 0) put(key, endedFor(endMarkerMs, undefined));
      // Also a session that has expired: a clock that is set back must not bring it back.
      else remove(key);
      return entry && copyOf(entry.record);
    },

    async *keysByOwner(owner: string): AsyncGenerator<OwnerPage> {
      const keys = [...(owners.get(owner) ?? [])];
      for (let at = 0; at < keys.length; at += keysPerPage)
        // Nothing to forget: here an entry goes together with its session.
        yield { keys: keys.slice(at, at + keysPerPage), forget: async () => {} };
    },

    async *walk(): AsyncGenerator<SessionKey> {
      for (const key of [...entries.keys()]) {
        if (live(key) !== undefined) yield key;
      }
    },

    async sweep() {
      const report = { removed: 0, kept: 0 };
      for (const [key, entry] of entries) {
        if (clock() >= entry.expiresAt) {
          remove(key);
          report.removed++;
        } else if (!('ended' in entry)) {
          report.kept++;
        }
      }
      return report;
    },

    describe: () => ({ name: 'memory', location: `process ${process.pid}`, sharedBy: 'process' }),

    async check(): Promise<readonly Finding[]> {
      return [perProcess];
    },

    /** Holds no timer, file or connection. The sessions stay: others may use the same store. */
    async close(): Promise<void> {},
  };
}

const shared = Symbol.for('@sess/core memory store');

/**
 * The memory store of this process: the same one for every caller. It sits on `globalThis`, since
 * bundlers load a module twice, and two halves of an app would not see each other's sessions.
 */
export function sharedMemoryStore(): MemoryStore {
  const slot = globalThis as { [shared]?: MemoryStore };
  return (slot[shared] ??= memoryStore());
}

function assertKey(key: SessionKey): void {
  if (!/^[0-9a-f]{64}$/.test(key)) throw new TypeError('A session key is 64 lower case hex digits.');
}

function hold(record: SessionRecord): Held {
  return { record: copyOf(record), expiresAt: record.expiresAt };
}

function storedSession(held: Held): StoredSession {
  return { record: copyOf(held.record), version: held };
}

function markerOf({ successor }: Ended): EndMarker {
  return successor === undefined ? { ended: true } : { ended: true, successor: { ...successor } };
}

function copyOf(record: SessionRecord): SessionRecord {
  const { settings } = record;
  return {
    ...record,
    fields: copyOfFields(record.fields),
    ...(settings !== undefined && { settings: { ...settings } }),
    writeIds: [...record.writeIds],
  };
}
