import type { IncomingMessage, ServerResponse } from 'node:http';

import type { DebugReport, DebugReportOptions } from './debug-report/debug-report.ts';
import type { AttachOptions } from './exchange/attach-exchange.ts';
import type { SessionHeaders } from './response/session-headers.ts';
import type { Session } from './session/session.ts';
import type { BackendChoice } from './storage/backend.ts';
import type { CountOptions, SessionCount } from './storage/count-sessions.ts';
import type { SessionInfo } from './storage/owners.ts';
import type { HandleOptions, SessionHandler } from './web/handle-request.ts';

/** Options of {@link Sessions.revoke}. */
export interface RevokeOptions {
  /** Ends the session only if it belongs to this owner. */
  owner?: string;
}

/** Options of {@link Sessions.revokeAll}. */
export interface RevokeAllOptions {
  /**
   * A session that stays, or its handle. After a `regenerate()` that is not stored yet, both the session that the answer
   * will carry and the one that it replaces stay. So does what another request rotates it into.
   */
  except?: Session | string;
}

/** A request and its session. */
export interface SessionExchange {
  /** The request's current session: after a regenerate, the new one. */
  readonly session: Session;
}

/** The sessions of an app. Make it once, share it between middlewares. */
export interface Sessions {
  /** What keeps the sessions, and why. */
  readonly backend: BackendChoice;

  /** The name of the session's cookie. */
  readonly cookieName: string;

  /**
   * Opens the session that a `Cookie` header stands for. A fault of the store is thrown at the first
   * access of the session, not here.
   */
  open(cookieHeader: string | undefined): Promise<Session>;

  /**
   * Stores what the request changed, and says what the answer's headers need. Nothing of the answer
   * may leave before this has resolved.
   * @param statusCode of the answer, if it is known. With a 5xx, what has failed before is not tried once more.
   * @throws SessError the answer must be the error's, 503 for a fault of the store
   */
  commit(session: Session, statusCode?: number): Promise<SessionHeaders>;

  /**
   * The same for node:http, where the response is held back until the commit. Synchronous where the request has no
   * cookie of ours, and with cookie sessions. A WebSocket has no response: changes there need an explicit `save()`.
   */
  attach(
    request: IncomingMessage,
    response: ServerResponse | undefined,
    options?: AttachOptions,
  ): SessionExchange | Promise<SessionExchange>;

  /**
   * Answers a Web `Request`: the session is stored before the `Response` leaves, and what changes while its body streams
   * before the body ends (else it breaks off). A fault of the store is a 503, also where the handler has made a 500 of it.
   * @throws what the handler throws, but for faults of the store; then nothing is stored that was not saved. Your answer to
   * it has no cookie: after a `save()` that needs one, a login above all, answer errors inside of the handler
   */
  handle(request: Request, handler: SessionHandler, options?: HandleOptions): Promise<Response>;

  /**
   * Tries the storage with a real session. Await it at the start, to fail early; else the first request asks for it, and
   * the outcome is logged. A storage that does not answer in time is tried ten times: 10 s.
   * @throws SessError what was tried and what to check
   */
  ready(): Promise<void>;

  /**
   * Waits for the work under way, for as long as opening and storing a session may take, and then lets go of the store,
   * unless you made it. Stop the server before: a later request finds the store closed.
   */
  close(): Promise<void>;

  /**
   * The sessions of an owner, the last used first: all that the store has, also those that this process would take for
   * too old.
   * @throws SessError `UNSUPPORTED` for cookie sessions and for stores without an index of owners
   */
  list(owner: string): Promise<SessionInfo[]>;

  /**
   * The data of a session that is not this request's, by its handle: for an admin's page, or a socket. This does not count
   * as use of the session: its deadline stays.
   * @returns `undefined` where there is no such session
   * @throws SessError `UNSUPPORTED` for cookie sessions; `STORE_*`
   */
  read(handle: string): Promise<Record<string, unknown> | undefined>;

  /**
   * Ends one session, wherever it is used.
   * @param options `owner`: only if it is this owner's. Pass it wherever users end their own sessions.
   * @returns whether there was one
   * @throws SessError `CONFIG_INVALID` where `owner` is named and is not a text, or is empty
   */
  revoke(handle: string, options?: RevokeOptions): Promise<boolean>;

  /**
   * Ends all sessions of an owner: "log out everywhere". It lists them again until nothing new is there, so none
   * escapes by a new token meanwhile. (A login whose password was checked before and whose session is stored after it
   * survives.)
   * @returns how many were ended
   * @throws SessError `STORE_CORRUPT`, `STORE_TOO_NEW` a session could not be read, and was left; the others were ended.
   * `SESSION_CONFLICT` sessions of this owner began again and again. With another `STORE_*` some may be left
   */
  revokeAll(owner: string, options?: RevokeAllOptions): Promise<number>;

  /**
   * Tells a live connection (a WebSocket, an event stream) that its session has ended: by logout, revocation, "log out
   * everywhere", a login that replaced it, or because its time is over, in whatever process. After `rotate()` it is the
   * same session, and the watch goes on. A session that is not stored yet is watched from when it is.
   *
   * The store tells if it can; in any case each watched session is read once in `watchEveryMs` (5 s). So no connection
   * outlives its session by more than that and one store operation (1 s), except while the store cannot be read: a fault
   * ends no connection, and is tried again within a second.
   * @param onEnded called once, not before this has returned; not after `close()`
   * @returns stops watching. Call it when the connection closes.
   * @throws SessError a fault of the store at open; `UNSUPPORTED` for cookie sessions, which nobody can end
   */
  watch(session: Session, onEnded: () => void): () => void;

  /**
   * Counts the sessions that are stored and have not ended, of all owners and without any: as far as
   * half of an operation's time goes (0.5 s). It walks the store: for a figure now and then.
   * @throws SessError `UNSUPPORTED` for cookie sessions and for stores that cannot walk their keys
   */
  count(options?: CountOptions): Promise<SessionCount>;

  /**
   * What this worker knows about itself, for an admin's route of your app. Without values of sessions,
   * tokens and secrets.
   * @throws SessError `REPORT_FORBIDDEN` unless your own authorisation said `true`
   */
  debugReport(options: DebugReportOptions): Promise<DebugReport>;
}
