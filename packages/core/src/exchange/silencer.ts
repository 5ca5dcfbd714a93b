import type { SessError } from '../errors.ts';
import type { SessionExchange } from '../sessions-interface.ts';

/** What an exchange of core has besides. */
interface Readable extends SessionExchange {
  readonly fault?: SessError | undefined;
  isAnswered?: boolean;
}

/**
 * Where the session could not be read: what has later looks give what is known, and throw no more. For frameworks that tell
 * listeners of an error, where nobody catches what is thrown.
 */
export function silencerOf(exchange: Readable): (() => void) | undefined {
  return exchange.fault === undefined ? undefined : () => void (exchange.isAnswered = true);
}
