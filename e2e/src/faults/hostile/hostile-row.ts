import fc from 'fast-check';

/** A kind of hostile input, and what came of it. */
export interface HostileRow {
  readonly input: string;
  readonly cases: number;
  readonly seed: number;
  readonly seconds: number;
  readonly slowestMs: number;
  /** How often it ended how: taken for nobody, refused with a code, and so on. */
  readonly ends: Readonly<Record<string, number>>;
  /** The smallest input that was not dealt with, with what happened and how to have it again. */
  readonly failure?: string;
}

export interface Watch {
  /** Counts an end, and what it took. */
  saw(end: string, tookMs: number): void;
}

/** Tries a property on many inputs; also whether one of them has reached what all objects share. */
export async function tryInputs<Input>(
  input: string,
  {
    arbitrary,
    cases,
    seed,
    casesEach = 1,
  }: { arbitrary: fc.Arbitrary<Input>; cases: number; seed: number; casesEach?: number },
  holds: (value: Input, watch: Watch) => Promise<void>,
): Promise<HostileRow> {
  const ends: Record<string, number> = {};
  let slowestMs = 0;
  const watch: Watch = {
    saw(end, tookMs) {
      ends[end] = (ends[end] ?? 0) + 1;
      slowestMs = Math.max(slowestMs, tookMs);
    },
  };
  const property = fc.asyncProperty(arbitrary, async (value) => {
    await holds(value, watch);
    const shared = Object.keys(Object.prototype).concat(Object.keys(Array.prototype));
    if (shared.length > 0) throw new Error(`What all objects share has ${shared.join(', ')} now.`);
  });
  const startedAt = performance.now();
  const numRuns = Math.ceil(cases / casesEach);
  const { failed, counterexample, errorInstance } = await fc.check(property, { numRuns, seed, endOnFailure: false });
  return {
    input,
    cases: numRuns * casesEach,
    seed,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    slowestMs: Math.round(slowestMs * 10) / 10,
    ends,
    ...(failed && { failure: `seed ${seed}: ${fc.stringify(counterexample)}: ${String(errorInstance)}` }),
  };
}

/** Texts and bytes that are almost a given one. */
export function almost(valid: Uint8Array): fc.Arbitrary<Buffer> {
  const at = fc.nat({ max: Math.max(0, valid.length - 1) });
  const cut = (from: number, to: number, between: Uint8Array): Buffer =>
    Buffer.concat([valid.subarray(0, from), between, valid.subarray(to)]);
  return fc.oneof(
    fc.tuple(at, fc.nat({ max: 255 })).map(([place, byte]) => cut(place, place + 1, Uint8Array.of(byte))),
    at.map((place) => Buffer.from(valid.subarray(0, place))),
    fc.tuple(at, fc.uint8Array({ maxLength: 8 })).map(([place, bytes]) => cut(place, place, bytes)),
    fc.tuple(at, at).map(([from, to]) => cut(Math.max(from, to), Math.min(from, to), new Uint8Array())),
    fc
      .tuple(at, fc.constantFrom('9007199254740993', '-1', '1e999', '__proto__', 'null', '{}', '[', '"', ' ', '\n'))
      .map(([place, text]) => cut(place, Math.min(valid.length, place + text.length), Buffer.from(text))),
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  );
}
