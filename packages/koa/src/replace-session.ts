import { SessError, type SessionExchange } from '@sess/core';
import { isDestroyed } from '@sess/core/internal';

/**
 * What `ctx.session = value` means: an object replaces the data, under the same token; `null` logs
 * out, and the response waits for it, and fails with it. An object after `null` begins a new session.
 *
 * @throws SessError `UNSUPPORTED`, `RESERVED_KEY`, `SESSION_ENDED`
 */
export function replaceSession(exchange: SessionExchange, value: unknown): void {
  if (value === null) {
    // Not caught: a promise that is caught counts as awaited, and the response would not fail with it.
    void exchange.session.destroy();
    return;
  }
  if (!isData(value))
    throw new SessError('UNSUPPORTED', 'ctx.session takes an object, the new data, or null, which logs out.');
  // After a logout this begins a new session, without waiting: the response waits for the logout.
  if (isDestroyed(exchange.session)) void exchange.session.regenerate();
  const { session } = exchange;
  // Assigned first: where a key is refused, nothing has been removed.
  Object.assign(session, value);
  for (const key of Object.keys(session)) if (!Object.hasOwn(value, key)) Reflect.deleteProperty(session, key);
}

/** A list or a `Map` has no keys of its own to assign: taken for data, it would empty the session. */
function isData(value: unknown): value is object {
  return Object.prototype.toString.call(value) === '[object Object]';
}
