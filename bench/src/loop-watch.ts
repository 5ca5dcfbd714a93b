import { readFileSync } from 'node:fs';
import { platform } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface LoopFigures {
  /** The longest stall of the event loop, in milliseconds, whatever it waited for. */
  stallMs: number;
  /** The longest that the loop's thread computed between two turns of a timer of 1 ms. Only Linux tells. */
  computedMs?: number | undefined;
}

/** Watches this thread's event loop until it is ended. */
export function watchLoop(): { end(): LoopFigures } {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const isTold = platform() === 'linux';
  let computedMs = 0;
  let before = isTold ? ownCpuMs() : 0;
  const timer = setInterval(() => {
    const now = ownCpuMs();
    computedMs = Math.max(computedMs, now - before);
    before = now;
  }, 1);
  if (!isTold) clearInterval(timer);
  return {
    end() {
      clearInterval(timer);
      delay.disable();
      return { stallMs: delay.max / 1e6, computedMs: isTold ? computedMs : undefined };
    },
  };
}

/** What the main thread has computed so far. Waiting for a processor, or for a host that has given it to others, is not in it. */
function ownCpuMs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}
