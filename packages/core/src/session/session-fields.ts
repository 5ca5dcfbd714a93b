import { decodeField } from './field-text.ts';
import { internalsOf } from './session-object.ts';
import type { Session } from './session.ts';

/**
 * A session's data by key, under any name: also one that core's own session object has for a control, such as `owner`.
 * For adapters whose users have a session object of another kind.
 */
export interface SessionFields {
  /** @throws SessError `STORE_*` the session could not be read */
  keys(): string[];
  /** The JSON text of a key, as the store was last known to hold it. */
  text(key: string): string | undefined;
  /**
   * The value of that text: the caller's own, which nobody else looks at.
   * @throws SessError `STORE_CORRUPT`
   */
  value(key: string): unknown;
  /** Assigns a value, which is checked when it is stored. */
  set(key: string, value: unknown): void;
  /** Gives an object that was changed in place. It is written only where its key still exists. */
  revise(key: string, value: object): void;
  /** Removes a key. */
  delete(key: string): void;
}

/**
 * Has the answer carry the session's cookie again, also where the browser has it: for a cookie whose own end moves with
 * each request. The session is touched for it: a late answer of a session that has ended must not bring its cookie back
 * over the next one's. A session without a record has no cookie.
 *
 * @throws SessError `CONFIG_INVALID` for what `sessions.open()` has not made
 */
export function resendCookie(session: Session): void {
  if (touchAnyway(session)) internalsOf(session).state.cookieWanted = true;
}

/**
 * Has the answer move the deadline, also where no touch is due, without a look at the session.
 *
 * @returns whether there is a record to touch
 */
export function touchAnyway(session: Session): boolean {
  const { state } = internalsOf(session);
  if (state.standing !== 'stored') return false;
  state.touchWanted = true;
  return true;
}

/**
 * @throws SessError `CONFIG_INVALID` for what `sessions.open()` has not made. Changes throw what an assignment to a
 * session throws: `SESSION_ENDED`, `HEADERS_SENT`, outside production `SESSION_SEALED`
 */
export function fieldsOf(session: Session): SessionFields {
  const { host, state } = internalsOf(session);
  return {
    keys() {
      host.look();
      return state.fields.keys();
    },
    text: (key) => state.fields.storedText(key),
    value(key) {
      const text = state.fields.storedText(key);
      return text === undefined ? undefined : decodeField(key, text);
    },
    set(key, value) {
      if (host.mayChange(state, key)) state.fields.set(key, value);
    },
    revise(key, value) {
      if (host.mayChange(state, key)) state.fields.revise(key, value);
    },
    delete(key) {
      if (host.mayChange(state, key)) state.fields.delete(key);
    },
  };
}
