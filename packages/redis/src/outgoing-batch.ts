import type { Writable } from 'node:stream';
import { graceMs } from '@sess/core/internal';
import { setImmediate } from './real-timers.ts';

/**
 * Commands of one turn of the event loop, written to the connection together. A write of its own for each is the
 * dearest part of a small command: where many requests arrive at once it costs more than all else that a store does.
 *
 * They leave when the turn ends (`setImmediate`). An answer is not read before the next turn anyway.
 */
export class OutgoingBatch {
  #connection: Writable | undefined;
  #excusedUntil = -Infinity;

  /**
   * Until when an answer is waited for at least, by `performance.now()`: a turn that took long held back what was
   * written in it, and its commands left when their time was up.
   */
  get excusedUntil(): number {
    return this.#excusedUntil;
  }

  /** To be called before a command is written. */
  gather(connection: Writable): void {
    if (this.#connection === connection) return;
    this.#connection = connection;
    connection.cork();
    const corkedAt = performance.now();
    setImmediate(() => {
      if (this.#connection === connection) this.#connection = undefined;
      connection.uncork();
      const now = performance.now();
      this.#excusedUntil = Math.max(this.#excusedUntil, now + Math.min(now - corkedAt, graceMs));
    });
  }
}
