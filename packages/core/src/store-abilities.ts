import type { SessionKey, SessionStore } from './store.ts';

/**
 * The rest of what a store may be able to do. Each ability is an interface of its own; core asks
 * for one by name with {@link hasAbility}, and a store implements those that it can keep.
 */
export interface StoreAbilities {
  /** Says where the sessions are. */
  describe: DescribesItself;
  /** Finds the sessions of an owner. */
  keysByOwner: IndexesOwners;
  /** Lists all keys. */
  walk: WalksKeys;
  /** Removes what has expired. */
  sweep: Sweeps;
  /** Remembers which apps use the storage. */
  noteApp: NotesApps;
  /** Looks at the storage's settings. */
  check: ChecksItself;
  /** Tries the storage at the start. */
  probe: ProbesItself;
  /** Tells of sessions that end. */
  tellEnds: TellsEnds;
  /** Makes what the storage lacks, such as tables. */
  migrate: Migrates;
  /** Lets go of files and connections. */
  close: Closes;
}

/** What a store is, for people: the start-up log line and the demo pages. */
export interface StoreDescription {
  /** One word: `redis`, `postgres`, `fs`, `memory`. */
  name: string;
  /** Where the sessions are, free of secrets: `127.0.0.1:6379/0, prefix "session:"`, a directory. */
  location: string;
  /** Who sees the same sessions: this process, all processes of this host, or several hosts. */
  sharedBy: 'process' | 'host' | 'hosts';
}

/** A store that can say where the sessions are. */
export interface DescribesItself {
  /** For a log line; free of secrets. */
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
  /** Keys that may belong to the owner. */
  readonly keys: readonly SessionKey[];
  /**
   * Drops the entries of those keys of this page that the caller found to have no session. An entry younger than 60 s
   * stays: its session may be about to be stored. An entry that was written again is young again.
   */
  forget(keys: readonly SessionKey[]): Promise<void>;
}

/** A store that can list all its keys. */
export interface WalksKeys {
  /** All live keys, once and in no order. Sessions that begin or end during the walk may be missing or shown. */
  walk(): AsyncIterable<SessionKey>;
}

/** What a sweep did. */
export interface SweepReport {
  /** Expired sessions and end markers that were removed. */
  removed: number;
  /** Sessions that were looked at and stay. */
  kept: number;
}

/** A store whose expired sessions have to be removed by somebody. */
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
  /** How grave it is: an `error` breaks a promise, a `note` is good to know. */
  severity: 'error' | 'warning' | 'note';
  /** What is the matter, in one sentence. */
  text: string;
  /** What to do about it. */
  fix: string;
}

/** A store that can look at its own storage. */
export interface ChecksItself {
  /** Looks at the storage and its settings. Throws only when the storage cannot be asked. */
  check(): Promise<readonly Finding[]>;
}

/** A store that is tried at the start in its own way. */
export interface ProbesItself {
  /**
   * Tries the storage at the start, in place of core, which would store a session and remove it: for a storage where that
   * would be seen by others.
   */
  probe(): Promise<void>;
}

/**
 * Tells of sessions that end, so that core need not wait until it next reads them: for a storage that can publish. What
 * a store tells is a hint. It may come late, twice, or not at all; core reads the session before it
 * believes it, and looks from time to time in any case.
 */
export interface TellsEnds {
  /**
   * Calls back with the key of each session that was destroyed, or replaced by a successor, in whatever process. The first
   * listener opens what that needs (a connection); when the last one has stopped, it is closed. Never throws.
   *
   * @returns stops it
   */
  tellEnds(listener: (key: SessionKey) => void): () => void;
}

/** A store whose storage is made first, by tables say. */
export interface Migrates {
  /**
   * Makes what the storage lacks before it can keep sessions: tables, indexes. May be repeated.
   *
   * @returns the statements that were carried out, or with `isDryRun` those that would be; none where all is there
   */
  migrate(options?: { isDryRun?: boolean }): Promise<readonly string[]>;
}

/** A store that holds timers, files or connections. */
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
