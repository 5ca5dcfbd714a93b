import type { SessionKey, SessionStore } from './store.ts';

/**
 * The rest of what a store may be able to do. Each ability is an interface of its own; core asks
 * for one by name with {@link hasAbility}, and a store implements those that it can keep.
 */
export interface StoreAbilities {
  describe: DescribesItself;
  keysByOwner: IndexesOwners;
  walk: WalksKeys;
  sweep: Sweeps;
  noteApp: NotesApps;
  check: ChecksItself;
  close: Closes;
}

/** What a store is, for people: the start-up log line and the demo pages. */
export interface StoreDescription {
  /** One word: `redis`, `fs`, `memory`. */
  name: string;
  /** Where the sessions are, free of secrets: `127.0.0.1:6379/0, prefix "session:"`, a directory. */
  location: string;
  /** Who sees the same sessions: this process, all processes of this host, or several hosts. */
  sharedBy: 'process' | 'host' | 'hosts';
}

export interface DescribesItself {
  describe(): StoreDescription;
}

/**
 * An index from owner to keys, kept by the store itself. `create` and `replace` with an owner write the entry *first*, so
 * that no session is missing here. A worker may die between the two: read the session before you believe an entry.
 */
export interface IndexesOwners {
  /**
   * Keys that may belong to the owner, in pages, so that no owner has too many. Each page takes no longer than one call.
   * A key whose entry is there when the iteration begins, and is not forgotten before it ends, is shown. Entries that
   * are written meanwhile may be missing or shown, and a key may be shown more than once.
   */
  keysByOwner(owner: string): AsyncIterable<OwnerPage>;
}

/** Some of an owner's keys, at most 1,000. */
export interface OwnerPage {
  readonly keys: readonly SessionKey[];
  /**
   * Drops the entries of those keys of this page that the caller found to have no session. An entry younger than 60 s
   * stays: its session may be about to be stored. An entry that was written again is young again.
   */
  forget(keys: readonly SessionKey[]): Promise<void>;
}

export interface WalksKeys {
  /** All live keys, once and in no order. Sessions that begin or end during the walk may be missing or shown. */
  walk(): AsyncIterable<SessionKey>;
}

export interface SweepReport {
  /** Expired sessions and end markers that were removed. */
  removed: number;
  /** Sessions that were looked at and stay. */
  kept: number;
}

export interface Sweeps {
  /** Removes what has expired, now. Never a live session, whoever writes at the same time. */
  sweep(): Promise<SweepReport>;
}

/**
 * Remembers which apps keep their sessions here, so that two that share a storage by mistake are told of it. An app has a
 * name of 1 to 200 characters of `0-9a-f-`, made of the fingerprints of its secrets. It is neither a session nor an owner.
 */
export interface NotesApps {
  /** Notes an app for `keepMs` from now, or renews its note. */
  noteApp(name: string, keepMs: number): Promise<void>;
  /** The names of the apps that are noted and whose time is not over. */
  notedApps(): Promise<readonly string[]>;
}

/** One thing that {@link ChecksItself.check} found. */
export interface Finding {
  /** Stable, for scripts: `REDIS_EVICTION`. */
  code: string;
  severity: 'error' | 'warning' | 'note';
  /** What is the matter, in one sentence. */
  text: string;
  /** What to do about it. */
  fix: string;
}

export interface ChecksItself {
  /** Looks at the storage and its settings. Throws only when the storage cannot be asked. */
  check(): Promise<readonly Finding[]>;
}

export interface Closes {
  /** Finishes the work in hand and lets go of timers, files and connections. Idempotent. */
  close(): Promise<void>;
}

/** Asks a store for an ability by name. */
export function hasAbility<Name extends keyof StoreAbilities>(
  store: SessionStore,
  name: Name,
): store is SessionStore & StoreAbilities[Name] {
  return name in store && typeof Reflect.get(store, name) === 'function';
}
