import { publish } from '../events.ts';
import { isFirstWarning } from '../first-warning.ts';
import type { Logger } from '../logger.ts';
import { HEADER_LENGTH } from './cookie.ts';

/** Told of each `Cookie` header that is too long to be searched: nothing else would say why its sender has no session. */
export function longHeaderNotes(cookieName: string, logger: Logger): (length: number) => void {
  return (length) => {
    publish('longCookieHeader', () => ({ length }));
    if (!isFirstWarning('a long Cookie header')) return;
    logger.warn(
      `Session warning: a Cookie header of ${length} characters came, and ${cookieName} is not looked for in one of more than ${HEADER_LENGTH}: whoever sends it has no session. Set fewer cookies, shorter ones, or with a narrower path. Further ones are the event longCookieHeader.`,
    );
  };
}
