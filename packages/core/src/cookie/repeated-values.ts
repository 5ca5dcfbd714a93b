/** So many marks, a number each: 2 to the power of this. */
const MARK_BITS = 12;
/** So many characters of the end make one: six bits each. */
const CHARACTERS = 5;

/**
 * Whether a signed value came before, a moment ago. Some come again and again, as those of visitors who only read;
 * after a write the browser has another one, and to have kept the one before was work for nothing.
 *
 * A guess: of two values with one mark the first is forgotten, and one in some ten
 * thousand passes for another. So it is for what may be done or left undone, never for what a value is worth.
 */
export class RepeatedValues {
  readonly #marks = new Int32Array(1 << MARK_BITS);

  /** @param value was verified: its end is a signature, and nobody chose it */
  isRepeated(value: string): boolean {
    let mark = 1;
    for (let at = value.length - CHARACTERS; at < value.length; at += 1) mark = (mark << 6) ^ value.charCodeAt(at);
    // Letters and digits leave bits unused: multiplied (Fibonacci hashing), the upper ones depend on all.
    const slot = Math.imul(mark, 0x9e3779b1) >>> (32 - MARK_BITS);
    if (this.#marks[slot] === mark) return true;
    this.#marks[slot] = mark;
    return false;
  }
}
