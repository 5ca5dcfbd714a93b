import type { SessionCookie } from './session-cookie.ts';

/**
 * The app's data in a session. Merge your keys into it once, and every framework's session has them:
 *
 * ```ts
 * declare module '@sess/core' {
 *   interface SessionData { userId?: string; views?: number }
 * }
 * ```
 * Values are JSON values: no `Date`, `Map` or class instance. A key that is declared as a `Date`, `Map`, `Set`, function,
 * `bigint` or symbol cannot be assigned; what is within an object is found when it is stored.
 */
export interface SessionData {}

/** What JSON would change silently, as far as a type tells. */
type NotJson =
  | Date
  | RegExp
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | ((...args: never[]) => unknown)
  | bigint
  | symbol;

/** The type of a key's value; or a text in place of a type that cannot be stored, which the compiler shows. */
type Storable<Value> = 0 extends 1 & Value
  ? Value // `any`
  : Value extends Date
    ? 'A Date is not JSON: declare a string for its toISOString(), or a number for its getTime()'
    : Value extends NotJson
      ? 'This is not JSON: declare plain data'
      : Value;

/** Your data, as a session holds it. */
export type StorableData = { [Key in keyof SessionData]: Storable<SessionData[Key]> };

/** The keys that the app declared. */
export type SessionDataKey = keyof SessionData & string;

/** A Node-style callback: called with the error, or with nothing. */
export type SessionCallback = (error?: unknown) => void;

/** What a regenerated session begins with. */
export interface RegenerateOptions {
  /**
   * Whom the session belongs to from now on: pass it at login. The session can then be listed and
   * revoked by owner ("log out everywhere"), and its absolute timeout begins anew. A text that is not empty; leave it
   * out where nobody logs in: `undefined` is refused (`CONFIG_INVALID`).
   */
  owner?: string;
  /**
   * What to call the device in `list(owner)`: "Firefox on Linux", a name that the user gave. One line of at most 200
   * characters; what is longer is cut off. Needs an owner. With `keep: true` and no label the old one stays.
   * @default none
   */
  label?: string | undefined;
  /**
   * What goes over to the new session: nothing, all (`true`, with owner and settings), or these keys.
   * @default nothing
   */
  keep?: true | readonly string[];
}

/**
 * What a session can do, beside being your data: all of it is on the prototype, not enumerable, and
 * its names cannot be used for data (`RESERVED_KEY`).
 *
 * Methods take a callback as their last argument instead of returning a promise, for middleware
 * that expects it; they return the session then.
 */
export interface SessionControls {
  /** The public name of the session: the key in the store. Safe to show and to log. */
  readonly handle: string;
  /** The handle, under the name that other middleware looks for. */
  readonly id: string;
  /** There is no record of this session in the store (yet). */
  readonly isNew: boolean;
  /** When the session began. */
  readonly createdAt: Date;
  /** When it was last written or touched. */
  readonly touchedAt: Date;
  /** When it ends, unless it is used before. */
  readonly expiresAt: Date;
  /** Whom it belongs to: set by `regenerate({ owner })`. */
  readonly owner: string | undefined;
  /** This session's idle timeout, in milliseconds. Assign to change it for this session alone. */
  idleTimeoutMs: number;
  /** Whether the cookie outlives the browser ("remember me"). Assign to change it for this session alone. */
  persistent: boolean;
  /** A view on the cookie's attributes as express-session has it: `maxAge` and `expires` can be assigned. */
  get cookie(): SessionCookie;
  set cookie(value: { maxAge?: number | null | undefined; originalMaxAge?: number | null | undefined });

  /**
   * Stores the changes now. (They are stored before the response leaves anyway.)
   * @throws SessError `SESSION_GONE` the session ended meanwhile; `NOT_SERIALIZABLE`, `SESSION_TOO_LARGE`
   * nothing was written; `STORE_*` the store failed
   */
  save(): Promise<void>;
  save(callback: SessionCallback): this;

  /**
   * Changes one key atomically, whoever else changes it in any worker: `fn` gets the value that the
   * store holds and returns the new one (`undefined` removes the key). It is synchronous, and may
   * run several times.
   * @returns the new value, what `fn` returned last
   * @throws SessError `UPDATE_PENDING` the key has an assignment that is not stored; `SESSION_GONE`
   */
  update<Key extends SessionDataKey, Value extends StorableData[Key] = StorableData[Key]>(
    key: Key,
    fn: (current: StorableData[Key]) => Value,
  ): Promise<Value>;

  /**
   * Gives the session a new token, so that nobody who knew the old one has it: at login, and
   * whenever rights change (OWASP ASVS 5.0 V7.2.4). It is carried out by `save()` or with the
   * response; from now on the request's session is the new one, which it resolves to.
   */
  regenerate(callback: SessionCallback): this;
  regenerate(options: RegenerateOptions, callback: SessionCallback): this;
  // Last, since TypeScript explains a call that fits none by the last one: `{ owner: 42 }` is meant for this.
  regenerate(options?: RegenerateOptions): Promise<Session>;

  /**
   * Gives the same session a new token, its data and rights unchanged: every quarter of an hour, say, so that a stolen
   * cookie is soon worth nothing. It is carried out like `regenerate()`. For a minute (`endMarkerMs`) requests that the
   * browser sent with the old cookie still find this one session, to read and to change it. A browser that never
   * received the answer with the new cookie has to log in again after that.
   *
   * Not for a login: who planted the old cookie would share it. That is what `regenerate()` is for.
   * @throws SessError `SESSION_GONE`, `SESSION_ENDED`, `HEADERS_SENT`
   */
  rotate(): Promise<Session>;
  rotate(callback: SessionCallback): this;

  /**
   * Ends the session, in the store and at once, and clears the cookie: logout.
   * @throws SessError `STORE_*` it may not have ended; with cookie sessions `HEADERS_SENT` when the headers have left
   */
  destroy(): Promise<void>;
  destroy(callback: SessionCallback): this;

  /**
   * Reads the session from the store again; changes that are not stored are let go.
   * @throws SessError `SESSION_GONE`
   */
  reload(): Promise<void>;
  reload(callback: SessionCallback): this;

  /** Moves the deadline with this request even if no touch is due yet. */
  touch(): this;
  /** The same as `touch()`, as express-session names it. */
  resetMaxAge(): this;
  /** A copy of the data. */
  toJSON(): Record<string, unknown>;
}

/** A session: your data as properties, and its controls. */
export type Session = SessionControls & StorableData;
