import { isDeepStrictEqual } from 'node:util';
import { createSessions, isSessError, memoryStore } from '@sess/core';
import fc from 'fast-check';
import { type HostileRow, tryInputs } from './hostile-row.ts';

const secret = 'a secret for hostile input, of 32 bytes or more';

const odd = fc.oneof(
  fc.anything({ maxDepth: 1 }),
  fc.constantFrom(0, -1, 1, NaN, Infinity, 2 ** 53, '', ' ', '__proto__', 'None', 'lax', '/', 'x.example', true, null),
);

const cookie = fc.oneof(
  odd,
  fc.dictionary(
    fc.constantFrom('name', 'path', 'domain', 'secure', 'sameSite', 'maxAge', 'httpOnly', 'partitioned', '__proto__'),
    odd,
  ),
);

/** Options: they are accepted, or the constructor says by a code which of them is wrong. */
export function hostileOptions(cases: number, seed: number): Promise<HostileRow> {
  const numbers = ['idleTimeoutMs', 'absoluteTimeoutMs', 'touchAfterMs', 'endMarkerMs', 'limits', 'timeouts', 'secret'];
  const arbitrary = fc.tuple(fc.dictionary(fc.oneof(fc.constantFrom(...numbers), fc.string()), odd), fc.option(cookie));
  return tryInputs('options', { arbitrary, cases, seed }, async ([given, cookieOptions], watch) => {
    const options = { store: memoryStore(), secret, logger: false, env: {}, ...given } satisfies Record<
      string,
      unknown
    >;
    const all = cookieOptions === null ? options : { ...options, cookie: cookieOptions };
    const startedAt = performance.now();
    const saw = (end: string): void => watch.saw(end, performance.now() - startedAt);
    try {
      // As an app in JavaScript calls it: no compiler has seen what it passes.
      Reflect.apply(createSessions, undefined, [all]);
      saw('accepted');
    } catch (error) {
      if (!isSessError(error)) throw error;
      saw(error.code);
    }
  });
}

/** As docs/errors.md has it: members that are undefined are left out, -0 comes back as 0, and objects are plain ones. */
function asRead(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(asRead);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [name, asRead(member)]));
}

/** Data: it comes back as it was, or the commit says by a code why it cannot. */
export async function hostileData(cases: number, seed: number): Promise<HostileRow> {
  const sessions = createSessions({ store: memoryStore(), secret, cookie: { name: 'sid' }, logger: false, env: {} });
  const key = fc.oneof(fc.constantFrom('a', '__proto__', 'constructor', 'save', 'handle', 'ä', ''), fc.string());
  const value = fc.oneof(
    { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 4, noUnicodeString: false }) },
    fc.anything({
      maxDepth: 3,
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withBoxedValues: true,
    }),
  );
  const arbitrary = fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 3 });
  return tryInputs('session data', { arbitrary, cases, seed }, async (pairs, watch) => {
    const startedAt = performance.now();
    const saw = (end: string): void => watch.saw(end, performance.now() - startedAt);
    try {
      const session = await sessions.open(undefined);
      for (const [name, given] of pairs) Reflect.set(session, name, given);
      const { setCookie } = await sessions.commit(session);
      if (setCookie === undefined) return saw('nothing to store');
      const again = await sessions.open(String(setCookie).split(';')[0]);
      if (!isDeepStrictEqual({ ...again }, asRead(Object.fromEntries(pairs))))
        throw new Error(`It came back as ${JSON.stringify({ ...again })}.`);
      await again.destroy();
      saw('came back');
    } catch (error) {
      if (!isSessError(error)) throw error;
      saw(error.code);
    }
    return undefined;
  });
}
