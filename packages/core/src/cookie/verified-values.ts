/** How many values are kept at least, and at most twice as many: of tokens some 300 bytes each. */
const GENERATION = 2000;
/** Values that hold whole sessions are fewer: so many characters at least, and at most twice as many. */
const CHARACTERS = 1_000_000;

/**
 * What cookie values that were verified a moment ago stand for. A visitor's requests come close together, and the
 * signature and the hash of one value have one outcome: to work it out again is a quarter of what a read costs.
 *
 * Only that the value is ours is remembered; whether its session still is, the store is asked each time. A `Map`
 * compares a (seeded) hash of the whole value before it compares any text, so how long a look takes tells nothing
 * about values that are kept.
 */
export class VerifiedValues<Meaning extends object> {
  #young = new Map<string, Meaning>();
  #old = new Map<string, Meaning>();
  #characters = 0;

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(value: string): Meaning | undefined {
    const young = this.#young.get(value);
    if (young !== undefined) return young;
    const old = this.#old.get(value);
    if (old !== undefined) this.keep(value, old);
    return old;
  }

  /** Two generations: the older one goes as a whole, and takes along what was not asked for since. */
  keep(value: string, meaning: Meaning): void {
    if (this.#young.size >= GENERATION || this.#characters >= CHARACTERS) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#characters = 0;
    }
    this.#characters += value.length;
    this.#young.set(copyOf(value), meaning);
  }
}

/** A text of its own. One that was cut from a header is kept as a view of it, and keeps all of the header. */
function copyOf(value: string): string {
  return Buffer.from(value, 'latin1').toString('latin1');
}
