import { clearTimeout, setTimeout } from './real-timers.ts';

/** Waits until work is over, whatever comes of it, but not longer than so many milliseconds. */
export function settledWithin(ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const over = () => {
      clearTimeout(timer);
      resolve();
    };
    work.then(over, over);
  });
}
