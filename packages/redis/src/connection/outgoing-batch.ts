import type { Writable } from 'node:stream';
import { setImmediate } from './real-timers.ts';

/**
 * Commands of one turn of the event loop, written to the connection together. A write of its own would be the most
 * expensive part of a small command, here and in the server.
 *
 * They leave when the turn ends (`setImmediate`). An answer is not read before the next turn anyway.
 */
export class OutgoingBatch {
  #connection: Writable | undefined;

  /** To be called before a command is written. */
  gather(connection: Writable): void {
    if (this.#connection === connection) return;
    this.#connection = connection;
    connection.cork();
    setImmediate(() => {
      if (this.#connection === connection) this.#connection = undefined;
      connection.uncork();
    });
  }
}
