/** A call as its connection knows it. */
export interface CallInHand {
  /** Where it stands among the others. */
  place: number;
  /** There is a connection again. */
  connected(): void;
  /** The connection that carried its command was lost. */
  lost(reason: Error): void;
}

/**
 * The calls under way, in no order. Not a `Set`: one that changes with every call leaves old tables in memory, and what
 * each of them last held, whole requests, is freed only by a full garbage collection.
 */
export class CallsInHand {
  readonly #calls: CallInHand[] = [];

  get size(): number {
    return this.#calls.length;
  }

  add(call: CallInHand): void {
    call.place = this.#calls.push(call) - 1;
  }

  /** The last one takes its place. */
  delete(call: CallInHand): void {
    const last = this.#calls.pop();
    if (last === undefined || last === call) return;
    this.#calls[call.place] = last;
    last.place = call.place;
  }

  /** Those of now, whatever becomes of them meanwhile. */
  all(): CallInHand[] {
    return [...this.#calls];
  }
}
