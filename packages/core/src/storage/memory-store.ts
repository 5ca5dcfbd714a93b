import { type Clock, systemClock } from '../clock.ts';
import { assertKnownOptions } from '../known-options.ts';
import type {
  ChecksItself,
  Closes,
  DescribesItself,
  DestroyOptions,
  Finding,
  IndexesOwners,
  OwnerPage,
  SessionChange,
  SessionKey,
  SessionRecord,
  SessionSettings,
  SessionStore,
  Sweeps,
  UpdateVerdict,
  WalksKeys,
} from '../store.ts';

export interface MemoryStoreOptions {
  /** @default the machine's clock */
  clock?: Clock;
}

/** A store with every ability, in the memory of this process. */
export type MemoryStore = SessionStore & DescribesItself & IndexesOwners & WalksKeys & Sweeps & ChecksItself & Closes;

/** A session as it is held. The fields are a `Map`, to which `__proto__` is a key like any other. */
interface Held {
  fields: Map<string, string>;
  createdAt: number;
  touchedAt: number;
  expiresAt: number;
  owner: string | undefined;
  settings: SessionSettings | undefined;
}

/** What is left of an ended session. */
interface EndMarker {
  ended: true;
  expiresAt: number;
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
  const entries = new Map<SessionKey, Held | EndMarker>();
  const owners = new Map<string, Set<SessionKey>>();
  let cursor = entries.entries();

  function standing(key: SessionKey): Held | EndMarker | undefined {
    const entry = entries.get(key);
    return entry === undefined || clock() >= entry.expiresAt ? undefined : entry;
  }

  function live(key: SessionKey): Held | undefined {
    const entry = standing(key);
    return entry === undefined || 'ended' in entry ? undefined : entry;
  }

  function put(key: SessionKey, entry: Held | EndMarker): void {
    leaveOwner(key);
    entries.set(key, entry);
    if ('ended' in entry || entry.owner === undefined) return;
    const keys = owners.get(entry.owner) ?? new Set();
    owners.set(entry.owner, keys.add(key));
  }

  function remove(key: SessionKey): void {
    leaveOwner(key);
    entries.delete(key);
  }

  function leaveOwner(key: SessionKey): void {
    const entry = entries.get(key);
    if (entry === undefined || 'ended' in entry || entry.owner === undefined) return;
    const keys = owners.get(entry.owner);
    keys?.delete(key);
    if (keys?.size === 0) owners.delete(entry.owner);
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
    async create(key: SessionKey, record: SessionRecord): Promise<boolean> {
      assertKey(key);
      sweepALittle();
      if (standing(key) !== undefined) return false;
      put(key, hold(record));
      return true;
    },

    async read(key: SessionKey): Promise<SessionRecord | 'ended' | undefined> {
      assertKey(key);
      const entry = standing(key);
      if (entry === undefined) return undefined;
      return 'ended' in entry ? 'ended' : release(entry);
    },

    async update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
      assertKey(key);
      sweepALittle();
      const held = live(key);
      if (held === undefined) return 'gone';
      if (!expectationsHold(held, change)) return 'conflict';
      put(key, changed(held, change));
      return 'applied';
    },

    async destroy(key: SessionKey, { endMarkerMs = 0 }: DestroyOptions = {}): Promise<SessionRecord | undefined> {
      assertKey(key);
      sweepALittle();
      const held = live(key);
      if (endMarkerMs > 0) put(key, { ended: true, expiresAt: clock() + endMarkerMs });
      // Also a session that has expired: a clock that is set back must not bring it back.
      else if (held !== undefined || standing(key) === undefined) remove(key);
      return held && release(held);
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
  return {
    fields: new Map(Object.entries(record.fields)),
    createdAt: record.createdAt,
    touchedAt: record.touchedAt,
    expiresAt: record.expiresAt,
    owner: record.owner,
    settings: record.settings && { ...record.settings },
  };
}

function release(held: Held): SessionRecord {
  const { owner, settings, ...rest } = held;
  return {
    ...rest,
    fields: Object.fromEntries(held.fields),
    ...(owner !== undefined && { owner }),
    ...(settings !== undefined && { settings: { ...settings } }),
  };
}

function expectationsHold(held: Held, { expect = {} }: SessionChange): boolean {
  return Object.entries(expect).every(([name, text]) => held.fields.get(name) === text);
}

function changed(held: Held, change: SessionChange): Held {
  const fields = new Map(held.fields);
  for (const name of change.unset ?? []) fields.delete(name);
  for (const [name, text] of Object.entries(change.revise ?? {})) if (fields.has(name)) fields.set(name, text);
  for (const [name, text] of Object.entries(change.set ?? {})) fields.set(name, text);
  return {
    fields,
    createdAt: held.createdAt,
    touchedAt: Math.max(held.touchedAt, change.touchedAt),
    expiresAt: change.settings ? change.expiresAt : Math.max(held.expiresAt, change.expiresAt),
    owner: change.owner === undefined ? held.owner : (change.owner ?? undefined),
    settings: change.settings ? { ...change.settings } : held.settings,
  };
}
