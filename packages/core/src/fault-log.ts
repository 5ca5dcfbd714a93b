import type { SessError } from './errors.ts';
import type { Logger } from './logger.ts';

/** A store that is down fails every request: one line a code in this time says enough. */
const QUIET_MS = 10_000;

/** Logs what goes wrong where no error handler of the app may see it. */
export function faultLog(logger: Logger): (error: SessError, request?: string) => void {
  const saidAt = new Map<string, number>();
  return (error, request) => {
    const now = performance.now();
    const last = saidAt.get(error.code);
    // A mistake of the app is worth a line each time, until somebody mends it.
    if (error.status === 503 && last !== undefined && now - last < QUIET_MS) return;
    saidAt.set(error.code, now);
    const where = request === undefined ? '' : ` (${request})`;
    try {
      logger.error(`Session error ${error.code}: ${error.message}${where}`);
    } catch {
      // What a logger throws must not take the place of the answer.
    }
  };
}
