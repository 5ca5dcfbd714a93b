/** How long a test waits for one call. Core waits less; no test is about speed. */
const callMs = 5_000;

/** The deadline of a call that begins now, in milliseconds of `performance.now()`. */
export function by(): number {
  return performance.now() + callMs;
}
