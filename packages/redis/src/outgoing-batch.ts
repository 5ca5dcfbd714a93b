import type { Writable } from 'node:stream';

/**
 * Commands of one turn of the event loop, written to the connection together. A write of its own for each is the
 * dearest part of a small command: where many requests arrive at once it costs more than all else that a store does.
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
