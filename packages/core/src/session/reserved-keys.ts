import { SessError } from '../errors.ts';
import { SessionPrototype } from './session-prototype.ts';

/** The controls' names: a stored key of such a name never shadows them. */
const controls: ReadonlySet<string> = new Set(
  Object.getOwnPropertyNames(SessionPrototype.prototype).filter((name) => name !== 'constructor'),
);

/** Names with a meaning in JavaScript; a key `then` would make `await session` hang. */
const meaningful: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype', 'then']);

export function isReserved(key: string): boolean {
  return controls.has(key) || meaningful.has(key);
}

/**
 * Whether a text can name a key of the data.
 * @throws SessError `RESERVED_KEY`, `NOT_SERIALIZABLE`, `CONFIG_INVALID`
 */
export function assertDataKey(key: string): void {
  if (typeof key !== 'string') throw new SessError('CONFIG_INVALID', 'The key of a session value must be a text.');
  if (isReserved(key)) throw reservedKeyError(key);
  if (/\p{Surrogate}/u.test(key))
    throw new SessError('NOT_SERIALIZABLE', 'The name of a session key holds half a surrogate pair.');
}

function reservedKeyError(key: string): SessError {
  const why = controls.has(key) ? "one of the session's controls" : 'a name with a meaning in JavaScript';
  return new SessError(
    'RESERVED_KEY',
    `"${key}" cannot be a key of the session's data: it is ${why}. Choose another name.`,
  );
}
