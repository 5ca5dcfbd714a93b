import { isDeepStrictEqual } from 'node:util';

import { SessError } from '../errors.ts';

/** Deeper values overflow the stack of `JSON.stringify` somewhere else (at about 5,000). */
const DEPTH = 100;
/** How much of a place an error shows, in characters: a stranger may have chosen the names in it. */
const MOST_OF_A_PATH = 120;

/**
 * A field's value as JSON text.
 *
 * What JSON would change silently is refused by name instead: a `Date` that comes back as a string
 * is found in production. (`undefined` properties of objects are dropped: reading gives `undefined`
 * again.)
 *
 * @throws SessError `NOT_SERIALIZABLE`, naming the place; `RESERVED_KEY` for a key that pollutes prototypes
 */
export function encodeField(key: string, value: unknown): string {
  const refusal = refusalOf(value, 0);
  if (refusal === undefined) return JSON.stringify(value);
  const { code, path, sentence } = refusal;
  const place = key + path;
  const shown = place.length > MOST_OF_A_PATH ? `${place.slice(0, MOST_OF_A_PATH)}...` : place;
  throw new SessError(code, `session.${shown} ${sentence}.`);
}

/** The text that `encodeField` gives, or `undefined` where it throws. */
export function textOrNothing(value: unknown): string | undefined {
  try {
    return refusalOf(value, 0) === undefined ? JSON.stringify(value) : undefined;
  } catch {
    return undefined; // a getter of the app threw: encodeField throws that
  }
}

/** Why a value cannot be stored, and where in it. The place is put together on the way back: most values are fine. */
interface Refusal {
  code: 'NOT_SERIALIZABLE' | 'RESERVED_KEY';
  path: string;
  sentence: string;
}

function refuse(sentence: string): Refusal {
  return { code: 'NOT_SERIALIZABLE', path: '', sentence };
}

function refusalOf(value: unknown, depth: number): Refusal | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : refuse(`is ${value}, which JSON cannot hold`);
    case 'object':
      break;
    default:
      return refuse(`is ${typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`}, which JSON cannot hold`);
  }
  if (value === null) return undefined;
  if (depth >= DEPTH) return refuse(`is nested more than ${DEPTH} levels deep, or in a circle`);
  const refusal = refusalOfClass(value);
  if (refusal !== undefined) return refusal;
  if ('toJSON' in value && typeof value.toJSON === 'function')
    return refuse('has a toJSON method; store what it returns');
  return Array.isArray(value) ? refusalOfItems(value, depth) : refusalOfMembers(value, depth);
}

/** Other libraries store a Date as a text without a word, and give that back. */
const DATE_HINT = ': its getTime(), or its toISOString(), the text that express-session and koa-session make of it';

function refusalOfClass(value: object): Refusal | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value)) {
    if (prototype === Array.prototype || isForeignArray(prototype)) return undefined;
  } else if (prototype === Object.prototype || prototype === null || isForeignPlainObject(prototype)) return undefined;
  const name: unknown = value.constructor?.name;
  const hint = value instanceof Date ? DATE_HINT : '';
  const what = typeof name === 'string' ? name : 'value with a prototype of its own';
  return refuse(`is ${/^[AEIO]/.test(what) ? 'an' : 'a'} ${what}; store plain data${hint}`);
}

function refusalOfItems(value: readonly unknown[], depth: number): Refusal | undefined {
  // By index: a hole would become null.
  for (let index = 0; index < value.length; index += 1) {
    const refusal = refusalOf(value[index], depth + 1);
    if (refusal !== undefined) return at(`[${index}]`, refusal);
  }
  // A copy has the items alone. (Node compares the two without a text for each index of a long list, which is quicker;
  // arrays of another realm are never equal to it.)
  if (isDeepStrictEqual(value, Array.from(value)) || Reflect.ownKeys(value).length === value.length + 1)
    return undefined;
  const [name = ''] = Reflect.ownKeys(value)
    .slice(value.length)
    .filter((key) => key !== 'length');
  return at(placeOf(name), refuse('is a name in a list, which JSON leaves out; store an object'));
}

function refusalOfMembers(value: object, depth: number): Refusal | undefined {
  for (const name of polluters) {
    if (!Object.hasOwn(value, name)) continue;
    if (name === '__proto__' || isPolluter(name, Reflect.get(value, name)))
      return at(placeOf(name), { code: 'RESERVED_KEY', path: '', sentence: 'is a key that pollutes prototypes' });
  }
  const members: unknown[] = Object.values(value);
  const names = Reflect.ownKeys(value);
  for (let index = 0; index < members.length; index += 1) {
    const refusal = members[index] === undefined ? undefined : refusalOf(members[index], depth + 1);
    if (refusal !== undefined) return at(placeOf(Object.keys(value)[index] ?? ''), refusal);
  }
  if (names.length === members.length) return undefined;
  const shown: readonly (string | symbol)[] = Object.keys(value);
  const [hidden = ''] = names.filter((name) => !shown.includes(name));
  return at(placeOf(hidden), refuse('is a symbol or not enumerable, which JSON leaves out'));
}

const polluters = ['__proto__', 'constructor'] as const;

function at(place: string, refusal: Refusal): Refusal {
  return { ...refusal, path: place + refusal.path };
}

function placeOf(key: string | symbol): string {
  return typeof key === 'symbol' ? `[${String(key)}]` : `.${key}`;
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

/** The prototype of arrays of another realm, which is an array itself. */
function isForeignArray(prototype: unknown): boolean {
  return (
    Array.isArray(prototype) &&
    Object.hasOwn(prototype, 'concat') &&
    isForeignPlainObject(Object.getPrototypeOf(prototype))
  );
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
