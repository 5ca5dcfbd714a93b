/**
 * The store contract. This page is law: whatever two stores could answer differently is decided here, and every sentence
 * of it is a test in `@sess/store-tests`.
 *
 * A store is a dumb, honest box that compares and swaps. It never reads a field's text, merges, mints a token, knows a
 * cookie, counts idle time or logs. What a change is, what expires when and what a late write means is decided in core,
 * once (`record-change.ts`); the store keeps what it is given, and says truthfully what it has.
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

/** What a session says about itself. Its lifetimes overrule the configuration. */
export interface SessionSettings {
  /** The session's own idle timeout, in milliseconds. */
  idleTimeoutMs?: number;
  /** Whether the cookie outlives the browser ("remember me"). */
  persistent?: boolean;
  /** What the device is called where its owner sees a list of sessions: at most 200 characters on one line. */
  label?: string;
}

/**
 * The JSON text of one field: a string, or its bytes in UTF-8. A store may return a long text as the bytes that it has
 * read, so that a text that nobody looks at is never decoded. Nobody changes such bytes.
 */
export type FieldText = string | Uint8Array;

/**
 * One session, as it is stored. All instants are absolute milliseconds of core's clock.
 *
 * A store with a clock of its own (Redis) uses only differences, `expiresAt - touchedAt` is the
 * time left at the moment of the write, so hosts with skewed clocks do no harm.
 */
export interface SessionRecord {
  /** Top-level key to one JSON text. Opaque to the store: any text, any key, kept exactly. */
  readonly fields: Readonly<Record<string, FieldText>>;
  /** When the session began. */
  readonly createdAt: number;
  /** When it was last written or touched. */
  readonly touchedAt: number;
  /** The deadline. From this instant on the store answers as if the record were not there. */
  readonly expiresAt: number;
  /** Whom the session belongs to; the owner index finds it by this. */
  readonly owner?: string;
  /** What the session says about itself. */
  readonly settings?: SessionSettings;
  /**
   * The last writes, newest first: at most 12 names of 1 to 16 characters of `0-9A-Za-z_-`. Whoever is told of a conflict
   * sees by them whether a write of its own is already in the record, so none is carried out twice.
   */
  readonly writeIds: readonly string[];
}

/** A record, and the store's own name for this state of it. */
export interface StoredSession {
  /** What was stored, whole and of one moment. */
  readonly record: SessionRecord;
  /**
   * What a swap is compared with. Opaque to core, which only hands it back. No two states of a session have the same
   * version, also not where a later one holds the same texts as an earlier one.
   */
  readonly version: unknown;
}

/** What is left of a destroyed session for a while, so that requests which are under way are known. It holds no data. */
export interface EndMarker {
  /** Always true: what tells a marker from a record. */
  readonly ended: true;
  /** Where the session went on; absent after a logout. */
  readonly successor?: Successor;
}

/** Where a session went on. */
export interface Successor {
  /** The key of the session that came in its place. */
  readonly key: SessionKey;
  /**
   * - `rotated`: the same session under a new token; who holds the old one may go on with the new one.
   * - `regenerated`: a change of rights (a login); only a logout follows it.
   */
  readonly by: 'rotated' | 'regenerated';
}

/** What comes in a session's place when it goes on under another key: an end marker that says where. */
export interface Succession {
  /** The session that already holds all of it. */
  readonly successor: Successor;
  /** How long the end marker stands, in milliseconds. */
  readonly endMarkerMs: number;
}

/** The outcome of {@link SessionStore.replace}. */
export type ReplaceOutcome =
  /** What was given is stored, before any later read in any process, and this is its version (of no use after an end). */
  | { readonly verdict: 'replaced'; readonly version: unknown }
  /**
   * Another version stands now, and this is what it holds. `isDoubtful`: the store sent its command more than once, and
   * cannot say whether an earlier one was carried out; the record's write ids tell.
   */
  | { readonly verdict: 'conflict'; readonly stored: StoredSession; readonly isDoubtful?: boolean }
  /** There is no such session (absent, expired or ended); nothing was written. */
  | { readonly verdict: 'gone' };

/** How a session is destroyed. */
export interface DestroyOptions {
  /**
   * Leave an *end marker* under the key for this long, in milliseconds: while it stands, `read` answers it and `create`
   * under the key stores nothing. Absent or 0: leave none. An end marker that already stands is left as it is.
   */
  endMarkerMs?: number;
}

/**
 * The four verbs. They are different verbs with verdicts: there is no upsert, since an upsert is
 * how a late write brings a logged-out session back.
 *
 * - **One atomic step.** The comparison and the write are one step of the storage (a script, a rename, an
 *   `UPDATE ... WHERE`), not a check followed by a write.
 * - **A verdict is proved.** A store that cannot tell throws. A fault must never look like absence.
 * - **`by`** is when the store's time is over, in milliseconds of `performance.now()`. It is the only bound of a call: a
 *   store hands it on to its client, begins nothing after it, and needs no timer of its own. Core rejects the call soon
 *   after it, so that a store which knows why it cannot answer is still heard. A write that is carried out later all the
 *   same meets another version, or is one whose outcome the caller calls unknown.
 * - **Every fault is thrown**, as a `SessError`:
 *   `STORE_UNAVAILABLE` the storage cannot be reached or refuses; the outcome of a write is unknown.
 *   `STORE_TIMEOUT` it did not answer in time; the outcome of a write is unknown.
 *   `STORE_BUSY` it is overloaded, nothing was done.
 *   `STORE_FULL` there is no room to write; nothing was written.
 *   `STORE_CORRUPT` what lies under the key is torn, foreign or not a session. It is left alone:
 *   not absent, not deleted, not overwritten by `create` or `replace`; these and `destroy` throw too.
 *   `STORE_TOO_NEW` a newer version of the library wrote it (each record carries a format version).
 *   Their `cause` is a scrubbed copy (name, message, code, stack): clients' errors carry secrets.
 * - Calls may run at the same time, in any number of processes, on the same key.
 */
export interface SessionStore {
  /**
   * Stores a new session.
   *
   * @returns its version, or `undefined` where the key is taken by a live session or an end marker: nothing was written.
   */
  create(key: SessionKey, record: SessionRecord, by: number): Promise<{ readonly version: unknown } | undefined>;

  /**
   * @returns the session, complete and of one moment; the end marker while one stands; `undefined` when it is proved that
   * there is no such session, or that it has expired.
   */
  read(key: SessionKey, by: number): Promise<StoredSession | EndMarker | undefined>;

  /**
   * Puts another record in the place of the one that `version` names, if that one still stands; or ends the session
   * there, in favour of a successor that already holds all of it. It never creates a session. Texts that are the same as
   * before need not be written again.
   */
  replace(key: SessionKey, version: unknown, next: SessionRecord | Succession, by: number): Promise<ReplaceOutcome>;

  /**
   * Removes a session and returns what was there, in one step: of two destroyers one gets the
   * record. Idempotent: where nothing is stored it answers `undefined` (or the end marker that stands),
   * and still leaves the end marker that was asked for.
   *
   * Once this has been answered no `replace`, in any process, however late or often it is repeated,
   * brings the session back.
   */
  destroy(key: SessionKey, options: DestroyOptions, by: number): Promise<SessionRecord | EndMarker | undefined>;
}

/** Whether a `replace` ends the session in favour of a successor. */
export function isSuccession(next: SessionRecord | Succession): next is Succession {
  return 'successor' in next;
}

/** Tells an end marker from a session: `read` and `destroy` may answer either, or nothing. */
export function isEndMarker(found: object | undefined): found is EndMarker {
  return found !== undefined && 'ended' in found;
}
