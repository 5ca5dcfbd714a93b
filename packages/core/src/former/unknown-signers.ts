import { cookieValues } from '../cookie/cookie.ts';
import { publish } from '../events.ts';
import { isFirstWarning } from '../first-warning.ts';
import type { Logger } from '../logger.ts';
import type { FormerSessions } from './former-sessions.ts';

/**
 * Told of each `Cookie` header of which nobody is taken over. With a wrong secret that is everybody: all are logged out by the
 * move, and nothing else would say why.
 */
export function unknownSignerNotes(
  formerly: readonly FormerSessions[],
  logger: Logger,
): (cookieHeader: string | undefined) => void {
  return (cookieHeader) => {
    for (const { cookieName } of formerly) {
      if (cookieValues(cookieHeader, cookieName).length === 0) continue;
      publish('badSignature', () => ({ cookie: cookieName }));
      if (!isFirstWarning(`an unknown signer of ${cookieName}`)) continue;
      logger.warn(
        `Session warning: a cookie ${cookieName} came that opens with no secret of formerly, so its sender is not taken over. It is forged, or has ended; if everybody is logged out, compare that secret with the old one. Further ones are the event badSignature.`,
      );
    }
  };
}
