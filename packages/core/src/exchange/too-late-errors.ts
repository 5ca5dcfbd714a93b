import { SessError } from '../errors.ts';
import type { Closing } from '../session/session-state.ts';

/** What comes too late for a session that this request has replaced or destroyed itself. */
export function endedError(closing: Closing, what: string): SessError {
  return new SessError(
    'SESSION_ENDED',
    closing === 'replaced'
      ? `session.${what}: regenerate() put a new session in this one's place. Use the request's session, or what regenerate() resolves to.`
      : `session.${what}: the session was destroyed. Call regenerate() to begin a new one.`,
  );
}

export function headersSent(what: string): SessError {
  return new SessError(
    'HEADERS_SENT',
    `session.${what} needs a cookie, and the response's headers have been sent. Do it before the response begins.`,
  );
}

export function sealed(what: string): SessError {
  return new SessError(
    'SESSION_SEALED',
    `session.${what} came after the response had ended, too late to be stored with it. Do it before the response ends, or call reload() first and save() after it.`,
  );
}

/** What an explicit `save()` says of a change that was refused. */
export function refusedBefore(what: string): SessError {
  return new SessError(
    'SESSION_SEALED',
    `session.save(): session.${what} was changed after the response had ended, and the change was dropped. Call reload(), make the change again, and save().`,
  );
}

export function sessionGone(): SessError {
  return new SessError(
    'SESSION_GONE',
    'The session ended meanwhile (a logout, a new login, or it expired). Nothing was stored; ask the user to log in again.',
  );
}
