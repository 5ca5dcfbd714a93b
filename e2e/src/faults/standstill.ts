const everyMs = 20;
/** A timer is late by that much on any busy machine. */
const usualMs = 80;

let lastTickAt = performance.now();
let soFarMs = 0;

const overdue = (now: number): number => Math.max(0, now - lastTickAt - everyMs - usualMs);

const timer = setInterval(() => {
  const now = performance.now();
  soFarMs += overdue(now);
  lastTickAt = now;
}, everyMs);
timer.unref();

/**
 * How long this process has stood still altogether, since others had the processor. Answers may have come meanwhile, so
 * their times are longer by that, and no server could help it.
 */
export function standstillMs(): number {
  return soFarMs + overdue(performance.now());
}
