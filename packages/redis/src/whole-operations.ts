import { WorkInHand } from '@sess/core/internal';
import { storeClosed } from './redis-errors.ts';
import { settledWithin } from './settled-within.ts';

/** Operations of several steps: a close waits until they are whole, and lets none begin. */
export class WholeOperations {
  readonly #where: () => string;
  readonly #timeoutMs: number;
  readonly #inHand = new WorkInHand();
  #isClosed = false;

  constructor(where: () => string, timeoutMs: number) {
    this.#where = where;
    this.#timeoutMs = timeoutMs;
  }

  assertOpen(): void {
    if (this.#isClosed) throw storeClosed(this.#where());
  }

  begin(): void {
    this.#inHand.begin();
  }

  end(): void {
    this.#inHand.end();
  }

  /** Each operation is over within its bound. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await settledWithin(2 * this.#timeoutMs, this.#inHand.settled());
  }
}
