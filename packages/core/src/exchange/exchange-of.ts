import { SessError } from '../errors.ts';
import { hostOf } from '../session/session-object.ts';
import type { SessionHost } from '../session/session-host.ts';
import type { Session } from '../session/session.ts';
import type { Exchange } from './exchange.ts';

/**
 * The exchange that a session belongs to.
 *
 * @throws SessError `CONFIG_INVALID` for what `sessions.open()` has not made
 */
export function exchangeOf(session: Session): Exchange {
  const host = hostOf(session);
  if (isExchange(host)) return host;
  throw new SessError('CONFIG_INVALID', 'This is not a session that sessions.open() made.');
}

/** Not by `instanceof`: another copy of this module has classes of its own. */
function isExchange(host: SessionHost): host is Exchange {
  return 'commit' in host && 'session' in host;
}
