import type { Sessions } from './sessions-interface.ts';
import type { SessionsOptions } from './sessions-options.ts';

/** Whether an adapter was given sessions, and not the options to create them. */
export function isSessions(given: SessionsOptions | Sessions): given is Sessions {
  return typeof given === 'object' && given !== null && 'attach' in given;
}
