import type { Sessions } from './sessions-interface.ts';
import type { SessionsOptions } from './sessions-options.ts';

/** Whether an adapter was given sessions that are made already, or the options to make them of. */
export function isSessions(given: SessionsOptions | Sessions): given is Sessions {
  return typeof given === 'object' && given !== null && 'attach' in given;
}
