import { SessError } from '../errors.ts';

/** Deeper values overflow the stack of `JSON.stringify` somewhere else (at about 5,000). */
const DEPTH = 100;

/**
 * A field's value as JSON text.
 *
 * What JSON would change silently is refused by name instead: a `Date` that comes back as a string
 * is found in production. (`undefined` properties of objects are dropped: reading gives `undefined`
 * again.)
 *
 * @throws SessError `NOT_SERIALIZABLE`, naming the place
 */
export function encodeField(key: string, value: unknown): string {
  inspectValue(value, key, 0);
  return JSON.stringify(value);
}

function inspectValue(value: unknown, path: string, depth: number): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (Number.isFinite(value)) return;
      throw refuse(path, `is ${value}, which JSON can not hold`);
    case 'object':
      break;
    default:
      throw refuse(
        path,
        `is ${typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`}, which JSON can not hold`,
      );
  }
  if (value === null) return;
  if (depth >= DEPTH) throw refuse(path.slice(0, 80), `is nested more than ${DEPTH} levels deep, or in a circle`);
  if (Array.isArray(value)) {
    // By index: a hole would become null.
    for (let index = 0; index < value.length; index += 1) inspectValue(value[index], `${path}[${index}]`, depth + 1);
    return;
  }
  inspectObject(value, path, depth);
}

function inspectObject(value: object, path: string, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && !isForeignPlainObject(prototype)) {
    const name = value.constructor?.name ?? 'an object with a prototype';
    throw refuse(path, `is a ${name}; store plain data${value instanceof Date ? ', e.g. its getTime()' : ''}`);
  }
  if (typeof Reflect.get(value, 'toJSON') === 'function')
    throw refuse(path, 'has a toJSON method; store what it returns');
  for (const [name, member] of Object.entries(value)) {
    if (name === '__proto__' || isPolluter(name, member))
      throw refuse(`${path}.${name}`, 'is a key that pollutes prototypes');
    if (member !== undefined) inspectValue(member, `${path}.${name}`, depth + 1);
  }
}

/** A plain object of another realm (a `vm` context, as test runners use). */
function isForeignPlainObject(prototype: unknown): boolean {
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'isPrototypeOf')
  );
}

function refuse(path: string, sentence: string): SessError {
  return new SessError('NOT_SERIALIZABLE', `session.${path} ${sentence}.`);
}

/** Texts in which a key that pollutes prototypes may hide, also written with escapes. */
const suspicious = /__proto__|"constructor"|\\u00/;

/**
 * The value of a stored text. Keys that pollute prototypes when the app merges the value
 * (`__proto__`, and `constructor` with a `prototype`) are left out at any depth.
 *
 * @throws SessError `STORE_CORRUPT` when the text is not JSON
 */
export function decodeField(key: string, text: string): unknown {
  try {
    if (!suspicious.test(text)) return JSON.parse(text);
    return JSON.parse(text, dropPolluters);
  } catch (error) {
    throw new SessError('STORE_CORRUPT', `The stored text of session.${key} is not JSON.`, {
      cause: error instanceof Error ? error.name : undefined,
    });
  }
}

function dropPolluters(name: string, value: unknown): unknown {
  return name === '__proto__' || isPolluter(name, value) ? undefined : value;
}

function isPolluter(name: string, value: unknown): boolean {
  return name === 'constructor' && typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype');
}
