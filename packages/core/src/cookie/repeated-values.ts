/** The number of marks is 2 to the power of this. */
const MARK_BITS = 12;
/** A mark is made of so many characters of a value's end, six bits each. */
const CHARACTERS = 5;

/**
 * Whether a signed value came a moment ago already. The values of visitors who only read come again and again. After a
 * write the browser has another one, so it was no use to keep the value before.
 *
 * A guess: of two values with the same slot the first is forgotten, and one in some ten thousand passes for another. So it
 * may only decide what is worth the work, never whether a value is genuine.
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
