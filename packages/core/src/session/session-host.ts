import type { CookieFrame } from '../cookie/cookie-line.ts';
import type { SessError } from '../errors.ts';
import type { SessionSettings } from '../store.ts';
import type { RegenerateOptions, Session } from './session.ts';
import type { SessionState } from './session-state.ts';

/** What the object that the app sees asks of its request. */
export interface SessionHost {
  readonly engine: CookieFrame;
  /** The state of the request's session now: after a regenerate, of the new one. */
  readonly state: SessionState;
  /** The fault of the store at open, if there was one. */
  readonly fault: SessError | undefined;
  /** The app has given its answer, or there is nobody to answer any more: from here on looking never throws. */
  readonly isAnswered: boolean;
  /** What names the session to the app. */
  handleOf(state: SessionState): string;
  /**
   * The app looks at the session: from here on the answer depends on the cookie, and a fault at open is the app's to
   * know. After the answer nobody can react to it: an access log that names the user gets `undefined`.
   *
   * @throws SessError the fault at open
   */
  look(): void;
  /** Remembers that the app was told of a fault. */
  surface<E>(error: E): E;
  /**
   * Whether a change of the session can still be stored; `what` is named in the error if not.
   *
   * @throws SessError `SESSION_ENDED`, `HEADERS_SENT`, a fault at open, and outside production `SESSION_SEALED`
   */
  mayChange(state: SessionState, what: string): boolean;
  changeSettings(state: SessionState, settings: SessionSettings): void;
  save(state: SessionState): Promise<void>;
  update(state: SessionState, key: string, fn: (current: unknown) => unknown): Promise<unknown>;
  regenerate(old: SessionState, options: RegenerateOptions): Promise<Session>;
  rotate(old: SessionState): Promise<Session>;
  destroy(state: SessionState): Promise<void>;
  reload(state: SessionState): Promise<void>;
}
