import { inspect, isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isSessError } from '../errors.ts';
import { decodeField, encodeField } from './field-text.ts';

const refused = (message: string) =>
  expect.objectContaining({ code: 'NOT_SERIALIZABLE', message: expect.stringContaining(message) });

function nested(depth: number): unknown {
  let value: unknown = 'x';
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

describe('a value', () => {
  it('comes back as it was, whatever JSON value it is', () => {
    const outcome = fc.check(
      fc.property(fc.jsonValue({ noUnicodeString: false, maxDepth: 6 }), (value) => {
        const [text, error] = attempt(() => encodeField('key', value));
        // Keys that pollute prototypes are refused, never lost.
        if (text === undefined) return isRefusal(error) && /__proto__|constructor/.test(JSON.stringify(value));
        // JSON writes -0 as 0; the two are equal.
        const normal: unknown = JSON.parse(JSON.stringify(value));
        const back = decodeField('key', text);
        return isDeepStrictEqual(back, normal) && encodeField('key', back) === text;
      }),
      { numRuns: 1000 },
    );
    expect(outcome).toMatchObject({ failed: false, counterexample: null });
  });

  it('comes back as it was, or is refused: nothing is changed silently', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withNullPrototype: true,
      withBoxedValues: true,
    });
    const outcome = fc.check(
      fc.property(anything, (value) => {
        const [text, error] = attempt(() => encodeField('key', value));
        if (text === undefined) return isRefusal(error);
        return isDeepStrictEqual(decodeField('key', text), asRead(value));
      }),
      { numRuns: 1000 },
    );
    expect(outcome).toMatchObject({ failed: false, counterexample: null });
  });

  it('may hold lone surrogates, line separators and NULs', () => {
    for (const text of ['\ud800', 'a\udc00b', '\u2028\u2029', '\0', '\u{1f600}', '"\\']) {
      expect(decodeField('key', encodeField('key', { [text]: text }))).toEqual({ [text]: text });
    }
  });

  it('that was changed by JSON silently is refused with its place', () => {
    class Cart {
      items = 1;
    }
    const circle: unknown[] = [];
    circle.push({ circle });
    const cases: [unknown, string][] = [
      [Number.NaN, 'session.key is NaN'],
      [Number.POSITIVE_INFINITY, 'session.key is Infinity'],
      [{ a: { b: [1, Number.NEGATIVE_INFINITY] } }, 'session.key.a.b[1] is -Infinity'],
      [undefined, 'session.key is undefined'],
      [[undefined], 'session.key[0] is undefined'],
      // oxlint-disable-next-line no-sparse-arrays -- the hole is the point
      [[1, , 3], 'session.key[1] is undefined'],
      [
        new Date(0),
        'session.key is a Date; store plain data: its getTime(), or its toISOString(), the text that express-session and koa-session make of it',
      ],
      [{ at: new Date(0) }, 'session.key.at is a Date'],
      [new Map([[1, 2]]), 'session.key is a Map'],
      [new Set([1]), 'session.key is a Set'],
      [/x/, 'session.key is a RegExp'],
      [new Error('x'), 'session.key is an Error'],
      [Buffer.from('x'), 'session.key is a Buffer'],
      [new Uint8Array(1), 'session.key is a Uint8Array'],
      [Object('boxed'), 'session.key is a String'],
      [new Cart(), 'session.key is a Cart'],
      [Promise.resolve(1), 'session.key is a Promise'],
      [1n, 'session.key is a bigint'],
      [{ n: [1n] }, 'session.key.n[0] is a bigint'],
      [() => 1, 'session.key is a function'],
      [Symbol('x'), 'session.key is a symbol'],
      [{ f() {} }, 'session.key.f is a function'],
      [{ toJSON: () => 1 }, 'session.key has a toJSON method'],
      [
        {
          toJSON() {
            throw new Error('never called');
          },
        },
        'session.key has a toJSON method',
      ],
      [circle, 'in a circle'],
      [Object.create({ inherited: 1 }), 'session.key is an Object'],
      [Object.assign([1], { total: 9.5 }), 'session.key.total is a name in a list'],
      [{ a: [Object.assign([], { email: 'invalid' })] }, 'session.key.a[0].email is a name in a list'],
      ['abc'.match(/b/), 'session.key.index is a name in a list'],
      [Object.assign([1], { [Symbol('x')]: 1 }), 'session.key[Symbol(x)] is a name in a list'],
      [Object.assign([1], { toJSON: () => [2] }), 'session.key has a toJSON method'],
      [new (class Items extends Array {})(), 'session.key is an Items; store plain data'],
      [Object.setPrototypeOf([1], null), 'session.key is a value with a prototype of its own'],
      [Object.setPrototypeOf([1], [2]), 'session.key is an Array'],
      [{ a: { [Symbol('x')]: 1 } }, 'session.key.a[Symbol(x)] is a symbol or not enumerable'],
      [Object.defineProperty({}, 'hidden', { value: 1 }), 'session.key.hidden is a symbol or not enumerable'],
      [runInNewContext('Object.assign([1], { total: 2 })'), 'session.key.total is a name in a list'],
    ];
    for (const [value, message] of cases) expect(() => encodeField('key', value)).toThrow(refused(message));
  });

  it('with a key that pollutes prototypes, at any depth, is what a client sent: refused as such a key at the top', () => {
    for (const text of ['{"__proto__":1}', '{"a":[{"__proto__":{"admin":true}}]}', '{"constructor":{"prototype":1}}'])
      expect(() => encodeField('key', JSON.parse(text))).toThrow(
        expect.objectContaining({ code: 'RESERVED_KEY', status: 400, message: expect.stringContaining('pollutes') }),
      );
  });

  it('may be an array of another realm', () => {
    expect(encodeField('key', runInNewContext('[1, [2]]'))).toBe('[1,[2]]');
  });

  it('may have undefined properties: they read as undefined again', () => {
    expect(decodeField('key', encodeField('key', { a: undefined, b: 1 }))).toEqual({ b: 1 });
  });

  it('may be a plain object of another realm, or one without a prototype', () => {
    expect(encodeField('key', runInNewContext('({ a: [1, { b: null }] })'))).toBe('{"a":[1,{"b":null}]}');
    expect(encodeField('key', Object.assign(Object.create(null), { a: 1 }))).toBe('{"a":1}');
    expect(() => encodeField('key', runInNewContext('new Map()'))).toThrow(refused('is a Map'));
  });

  it('may be nested 100 levels deep, and not one more', () => {
    expect(decodeField('key', encodeField('key', nested(100)))).toEqual(nested(100));
    expect(() => encodeField('key', nested(101))).toThrow(refused('nested more than 100 levels deep'));
  });

  it('of depth 5000 is an error with a place, not an overflow of the stack', () => {
    expect(() => encodeField('key', nested(5000))).toThrow(refused('nested more than 100 levels deep'));
  });

  it('may hold the same object twice', () => {
    const shared = { a: 1 };
    expect(encodeField('key', [shared, shared])).toBe('[{"a":1},{"a":1}]');
  });
});

describe('a stored text', () => {
  const polluters = ['"__proto__"', String.raw`"\u005f_proto__"`, String.raw`"__pro\u0074o__"`];

  it.each([1, 2, 3, 4, 5])('pollutes no prototype from depth %i', (depth) => {
    for (const polluter of polluters) {
      const inside = `{${polluter}:{"admin":true},"kept":1}`;
      const text = `${'{"a":'.repeat(depth - 1)}${inside}${'}'.repeat(depth - 1)}`;
      let value = decodeField('key', text);
      for (let level = 1; level < depth; level += 1) value = Reflect.get(Object(value), 'a');
      expect(Object.keys(Object(value))).toEqual(['kept']);
      const merged = Object.assign({}, value);
      expect(Reflect.get(merged, 'admin')).toBe(undefined);
      expect(Reflect.get({}, 'admin')).toBe(undefined);
    }
  });

  it.each([1, 2, 3, 4, 5])('pollutes nothing through constructor.prototype from depth %i', (depth) => {
    for (const name of ['"constructor"', String.raw`"\u0063onstructor"`, String.raw`"constructo\u0072"`]) {
      const inside = `{${name}:{"prototype":{"admin":true}},"kept":1}`;
      const text = `${'['.repeat(depth - 1)}${inside}${']'.repeat(depth - 1)}`;
      let value = decodeField('key', text);
      for (let level = 1; level < depth; level += 1) value = Reflect.get(Object(value), 0);
      expect(value).toEqual({ kept: 1 });
      expect(Object.keys(Object(value))).toEqual(['kept']);
    }
  });

  it('keeps innocent uses of these words', () => {
    for (const value of ['__proto__', ['constructor'], { constructor: 'Ford' }, { prototype: 1 }, { a: '\u0001' }])
      expect(decodeField('key', JSON.stringify(value))).toEqual(value);
  });

  const good = '{"a":[1,"é",true,null],"b":{"c":-1.5e3}}';
  const broken = [
    '',
    ' ',
    '\0',
    `${good}\0\0`,
    `${good}${good}`,
    `\ufeff${good}`,
    'undefined',
    'NaN',
    "{'a':1}",
    '\u001f\u008b\b\0',
    `${good},`,
    ...Array.from({ length: good.length }, (_, at) => good.slice(0, at)),
  ];
  it('that is torn, doubled or foreign is STORE_CORRUPT, never an empty value', () => {
    expect(decodeField('key', good)).toEqual({ a: [1, 'é', true, null], b: { c: -1500 } });
    for (const text of broken) {
      expect(() => decodeField('key', text)).toThrow(
        expect.objectContaining({
          code: 'STORE_CORRUPT',
          status: 503,
          message: expect.stringContaining('session.key'),
        }),
      );
    }
  });

  it('does not get into the error: it is somebody’s data', () => {
    const [, error] = attempt(() => decodeField('key', '{"card": 4111111111111111'));
    const seen = inspect(error, { depth: 9, showHidden: true });
    expect(seen).toContain('session.key');
    expect(seen).not.toContain('4111');
  });
});

/** What a reader sees of a value: no undefined property, no -0, and each object with the usual prototype. */
function asRead(value: unknown): unknown {
  if (value === 0) return 0;
  if (Array.isArray(value)) return value.map(asRead);
  if (typeof value !== 'object' || value === null) return value;
  const defined = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(defined.map(([name, member]) => [name, asRead(member)]));
}

function isRefusal(error: unknown): boolean {
  return isSessError(error) && ['NOT_SERIALIZABLE', 'RESERVED_KEY'].includes(error.code);
}

function attempt<T>(work: () => T): [T | undefined, unknown] {
  try {
    return [work(), undefined];
  } catch (error) {
    return [undefined, error];
  }
}
