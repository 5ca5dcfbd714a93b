import { bodyArguments, chunkBytes, chunkLength } from './body-arguments.ts';
import { swallowWrite } from './swallowed-calls.ts';

/**
 * The end of a body whose length was announced. A client that has as many bytes as the head
 * promised takes the answer for complete, whatever comes after. So the byte that would complete it
 * waits for the app's `end`; all before it flows, or a pipe that waits for room would wait for ever.
 */
export class BodyTail {
  #left: number;
  #kept: Buffer | undefined;

  constructor(announcedLength: number) {
    this.#left = announcedLength;
  }

  write(args: readonly unknown[], write: (args: readonly unknown[]) => boolean): boolean {
    if (this.#left === Infinity) return write(args);
    const body = bodyArguments(args);
    const length = chunkLength(body);
    // With the first write the head leaves, which is all of an answer without a body.
    if (this.#left === 0 && length === 0) return swallowWrite(args, undefined);
    if (length < this.#left || length === 0) {
      this.#left -= length;
      return write(args);
    }
    if (this.#kept !== undefined || this.#left === 0) {
      // More than was announced. The answer is broken, and Node is the one to say so.
      this.release(write);
      return write(args);
    }
    const bytes = chunkBytes(body);
    // A copy: the app is called back below, and its buffer is its own again.
    this.#kept = Buffer.from(bytes.subarray(this.#left - 1));
    const before = bytes.subarray(0, this.#left - 1);
    this.#left = 0;
    return write([before, body.callback]);
  }

  /** Writes what was kept. */
  release(write: (args: readonly unknown[]) => boolean): void {
    const kept = this.#kept;
    this.#kept = undefined;
    this.#left = Infinity;
    if (kept !== undefined) write([kept]);
  }
}
