import { SingleBar } from 'cli-progress';
import { exitCodes } from './exit-codes.ts';

export interface Progress {
  advance(to: number): void;
  stop(): void;
}

/**
 * A bar on standard error while a terminal is there to see it. It goes when the work is done.
 *
 * @param atMost what a full bar means; Infinity: there is a count alone
 */
export function startProgress(what: string, atMost: number): Progress {
  if (!process.stderr.isTTY) return { advance() {}, stop() {} };
  const format =
    atMost === Infinity ? `${what} {value} sessions` : `${what} [{bar}] {value} of at most {total} sessions`;
  const bar = new SingleBar({
    format,
    stream: process.stderr,
    barsize: 24,
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    clearOnComplete: true,
    hideCursor: false,
    formatValue: (value) => value.toLocaleString('en'),
  });
  const interrupted = (): void => {
    // It switches the wrapping of lines off while it draws.
    bar.stop();
    process.exit(exitCodes.interrupted);
  };
  process.once('SIGINT', interrupted);
  bar.start(atMost === Infinity ? 1 : atMost, 0);
  return {
    advance: (to) => bar.update(to),
    stop() {
      process.off('SIGINT', interrupted);
      bar.stop();
    },
  };
}
