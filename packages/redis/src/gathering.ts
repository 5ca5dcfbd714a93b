/** What can be in a {@link Gathering}. */
export interface Gathered {
  /** Where in it; below 0: not in it. */
  place: number;
}

/**
 * Things that come and go with every request. A `Set` would leave old tables behind, and each keeps what it last held
 * from the quick part of the garbage collector, with all that hangs on it.
 */
export class Gathering<T extends Gathered> {
  readonly #items: T[] = [];

  add(item: T): void {
    if (item.place < 0) item.place = this.#items.push(item) - 1;
  }

  has(item: T): boolean {
    return item.place >= 0;
  }

  delete(item: T): void {
    const last = this.has(item) ? this.#items.pop() : undefined;
    if (last === undefined) return;
    if (last !== item) {
      this.#items[item.place] = last;
      last.place = item.place;
    }
    item.place = -1;
  }

  all(): T[] {
    return [...this.#items];
  }
}
