/**
 * The store contract. This page is law: whatever two stores could answer differently is decided here, and every sentence
 * of it is a test in `@sess/store-tests`.
 *
 * A store is a dumb, honest box. It never parses a field's text, mints a token, knows a cookie, counts idle time or logs.
 * All of a session's life (what expires when, what a late write means) is decided in core; the store keeps what it is
 * given, and says truthfully what it has.
 */

/**
 * What the store knows a session by: `sha256(token)` as 64 lower case hex digits. Never the token,
 * so nobody who reads the store can pick up a session (CVE-2019-16782). Shown to people it is
 * called the session's *handle*.
 *
 * Every verb rejects anything else with a `TypeError`, before it touches the storage: a key becomes
 * a file name, or a part of one.
 */
export type SessionKey = string;

/** What the session itself says about its life; it overrules the configuration. */
export interface SessionSettings {
  /** The session's own idle timeout, in milliseconds. */
  idleTimeoutMs?: number;
  /** Whether the cookie outlives the browser ("remember me"). */
  persistent?: boolean;
}

/**
 * One session, as it is stored. All instants are absolute milliseconds of core's clock.
 *
 * A store with a clock of its own (Redis) uses only differences, `expiresAt - touchedAt` is the
 * time left at the moment of the write, so hosts with skewed clocks do no harm.
 */
export interface SessionRecord {
  /** Top-level key to one JSON text. Opaque to the store: any string, any key, kept exactly. */
  fields: Record<string, string>;
  /** When the session began. Never changed by an update. */
  createdAt: number;
  /** When it was last written or touched. */
  touchedAt: number;
  /** The deadline. From this instant on the store answers as if the record were not there. */
  expiresAt: number;
  /** Whom the session belongs to; the owner index finds it by this. */
  owner?: string;
  settings?: SessionSettings;
}

/**
 * A change to a stored session. Without `set`, `unset`, `revise`, `owner` and `settings` it is a *touch*: it
 * moves the times and carries no data.
 *
 * A field named in several of `set`, `revise` and `unset` is the caller's error; what happens then
 * is not defined.
 */
export interface SessionChange {
  /** Fields to write, whether or not they are there. */
  set?: Record<string, string>;
  /** Fields to remove; removing what is not there is no error. */
  unset?: readonly string[];
  /**
   * Like `set`, but only for fields that are still there; the others are left out, which is not a
   * conflict. An object changed in place is written so: a `delete` elsewhere is not undone by it.
   */
  revise?: Record<string, string>;
  /**
   * Apply nothing unless these fields hold exactly these texts (`undefined`: the field is not
   * there). This is the comparison behind the atomic `session.update()`.
   */
  expect?: Record<string, string | undefined>;
  /** Stored as the record's new `touchedAt`, which only moves later. */
  touchedAt: number;
  /** The new deadline. It only moves later, unless the change carries `settings`. */
  expiresAt: number;
  /** A new owner, or `null` for none. Absent: unchanged. */
  owner?: string | null;
  /** Replaces the settings as a whole. Absent: unchanged. */
  settings?: SessionSettings;
}

/**
 * - `applied`: all of the change is stored, before any later read in any process.
 * - `gone`: there is no such session (absent, expired or ended); nothing was written.
 * - `conflict`: `expect` did not hold; nothing was written.
 */
export type UpdateVerdict = 'applied' | 'gone' | 'conflict';

/** How a session is destroyed. */
export interface DestroyOptions {
  /**
   * Leave an *end marker* under the key for this long, in milliseconds. It holds no data and points
   * nowhere; while it stands, `read` answers `'ended'` and `create` under the key answers `false`.
   * Absent or 0: leave none (an end marker that already stands is left alone).
   */
  endMarkerMs?: number;
}

/**
 * The four verbs. They are different verbs with verdicts: there is no upsert, since an upsert is
 * how a late write brings a logged-out session back.
 *
 * - **One atomic step.** The check that the session exists, the comparison and the write are one
 *   step of the storage (a script, a rename), not a check followed by a write.
 * - **A verdict is proved.** A store that cannot tell throws. A fault must never look like absence.
 * - **Every fault is thrown**, as a `SessError`:
 *   `STORE_UNAVAILABLE` the storage cannot be reached or refuses; the outcome of a write is unknown.
 *   `STORE_TIMEOUT` it did not answer in time; the outcome of a write is unknown.
 *   `STORE_BUSY` it is overloaded, nothing was done.
 *   `STORE_FULL` there is no room to write; nothing was written.
 *   `STORE_CORRUPT` what lies under the key is torn, foreign or not a session. It is left alone:
 *   not absent, not deleted, not overwritten by `create` or `update`; these and `destroy` throw too.
 *   `STORE_TOO_NEW` a newer version of the library wrote it (each record carries a format version).
 *   Their `cause` is a scrubbed copy (name, message, code, stack): clients' errors carry secrets.
 * - Calls may run at the same time, in any number of processes, on the same key.
 * - A store bounds its own work: no call takes longer than about a second.
 */
export interface SessionStore {
  /**
   * Stores a new session.
   *
   * @returns `false` when the key is taken by a live session or an end marker: nothing was written.
   */
  create(key: SessionKey, record: SessionRecord): Promise<boolean>;

  /**
   * @returns the record, complete and of one moment; `'ended'` while an end marker stands;
   * `undefined` when it is proved that there is no such session, or that it has expired.
   */
  read(key: SessionKey): Promise<SessionRecord | 'ended' | undefined>;

  /** Changes a stored session, all or nothing. It never creates one. */
  update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict>;

  /**
   * Removes a session and returns what was there, in one step: of two destroyers one gets the
   * record. Idempotent: where nothing is stored it answers `undefined`, and still leaves the end
   * marker that was asked for.
   *
   * Once this has been answered no `update`, in any process, however late or often it is repeated,
   * brings the session back.
   */
  destroy(key: SessionKey, options?: DestroyOptions): Promise<SessionRecord | undefined>;
}

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
 * An index from owner to keys, kept by the store itself. `create` and `update` with an owner write the entry *first*, so
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
