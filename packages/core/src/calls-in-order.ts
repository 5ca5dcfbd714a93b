/** What stands between the one before it and the one behind. */
export interface InOrder<Call> {
  before?: Call | undefined;
  behind?: Call | undefined;
}

/**
 * Calls of a store that are under way, in the order in which they came. Not a `Set`: one that changes with every call leaves
 * old tables in memory, and what each of them last held, whole requests, is freed only by a full garbage collection.
 */
export class CallsInOrder<Call extends InOrder<Call>> {
  #first: Call | undefined;
  #last: Call | undefined;
  #size = 0;

  get first(): Call | undefined {
    return this.#first;
  }

  get size(): number {
    return this.#size;
  }

  add(call: Call): void {
    call.before = this.#last;
    if (this.#last === undefined) this.#first = call;
    else this.#last.behind = call;
    this.#last = call;
    this.#size += 1;
  }

  /** @returns whether it was there */
  delete(call: Call): boolean {
    const { before, behind } = call;
    if (before === undefined && this.#first !== call) return false;
    if (before === undefined) this.#first = behind;
    else before.behind = behind;
    if (behind === undefined) this.#last = before;
    else behind.before = before;
    call.before = call.behind = undefined;
    this.#size -= 1;
    return true;
  }

  *[Symbol.iterator](): Iterator<Call> {
    for (let call = this.#first; call !== undefined; call = call.behind) yield call;
  }
}
