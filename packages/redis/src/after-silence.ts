import { graceMs } from '@sess/core/internal';
import { clearTimeout, setImmediate, setTimeout } from './real-timers.ts';

/**
 * Calls back after `ms`, when I/O had one more turn: after a stall of this process the answer may be there already. If
 * the timer is late itself, as long as it is late is waited for, too (at most {@link graceMs}).
 *
 * @returns what ends it: then it does not call back any more, unless its time was up already
 */
export function afterSilence(ms: number, done: () => void): () => void {
  const dueAt = performance.now() + ms;
  const turn = () => void setImmediate(() => setImmediate(done));
  let timer = setTimeout(() => {
    const lateMs = Math.floor(performance.now() - dueAt);
    if (lateMs > 0) timer = setTimeout(turn, Math.min(lateMs, graceMs));
    else turn();
  }, ms);
  return () => clearTimeout(timer);
}

/** What any step of an operation gets: enough for its answer, if the server is well. */
const leastMs = 20;

/**
 * How long a later step of an operation may take that is due at a time. If that is past, it was lost to a stall of this
 * process (else the step before would have failed), and as much is given again.
 */
export function timeLeftUntil(dueAt: number): number {
  const leftMs = dueAt - performance.now();
  return Math.max(leftMs, Math.min(-leftMs, graceMs), leastMs);
}
