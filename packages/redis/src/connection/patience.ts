import { clearTimeout, setImmediate, setTimeout } from './real-timers.ts';

/** What an answer that is due gets at least: this process may have held back the command, or not have read the answer. */
const leastMs = 20;

/** What a stalled process gets at most, to do what it could not do in time. */
const mostMs = 250;

/** `setTimeout` takes no more. */
const longestMs = 2 ** 31 - 1;

/**
 * Calls back after the time `by` (of `performance.now()`). A stalled event loop is not a dead server: when the timer itself
 * is late, as much time again is waited for, and then I/O has one more turn.
 *
 * @returns what ends it
 */
export function afterPatience(by: number, done: () => void): () => void {
  const turn = () => void setImmediate(() => setImmediate(done));
  const isUp = () => {
    const lateMs = performance.now() - by;
    timer = setTimeout(turn, Math.min(leastMs + lateMs, mostMs));
  };
  let timer = setTimeout(isUp, Math.min(by - performance.now(), longestMs));
  return () => clearTimeout(timer);
}
