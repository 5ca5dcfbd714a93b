import { SessError } from '../errors.ts';
import { assertDataKey, isReserved } from './reserved-keys.ts';
import type { Session } from './session.ts';
import type { SessionHost } from './session-host.ts';
import { type SessionInternals, SessionPrototype, internals } from './session-prototype.ts';
import type { SessionState } from './session-state.ts';

function isAssignable(key: string): boolean {
  return Object.getOwnPropertyDescriptor(SessionPrototype.prototype, key)?.set !== undefined;
}

/** The object that the app sees: data as properties over the controls as prototype. */
export function sessionObject(host: SessionHost, state: SessionState): Session {
  return new Proxy(new SessionPrototype(host, state), handler);
}

/**
 * Controls with an answer to give, by promise or callback, give a fault of the store there. Other
 * middleware calls them first from a callback (passport's login), where nobody catches what is thrown.
 */
const answering: ReadonlySet<string> = new Set(['save', 'update', 'regenerate', 'rotate', 'destroy', 'reload']);

// Symbols are Node's own business (inspection, coercion): no access to the session.
const handler: ProxyHandler<SessionPrototype> = {
  get(target, key, receiver) {
    if (typeof key === 'symbol') return Reflect.get(target, key, receiver);
    if (key === 'then') return undefined;
    if (answering.has(key)) return Reflect.get(target, key, receiver);
    const { host, state } = target[internals];
    host.look();
    if (!isReserved(key) && state.fields.has(key)) return valueOf(host, state, key);
    return Reflect.get(target, key, receiver);
  },

  set(target, key, value, receiver) {
    if (typeof key === 'symbol')
      return Reflect.defineProperty(target, key, { value, configurable: true, writable: true });
    const { host, state } = target[internals];
    host.look();
    if (isAssignable(key)) return Reflect.set(target, key, value, receiver);
    assertDataKey(key);
    if (host.mayChange(state, key)) state.fields.set(key, value);
    return true;
  },

  deleteProperty(target, key) {
    if (typeof key === 'symbol') return Reflect.deleteProperty(target, key);
    const { host, state } = target[internals];
    host.look();
    if (isReserved(key) || !state.fields.has(key)) return true;
    if (host.mayChange(state, key)) state.fields.delete(key);
    return true;
  },

  has(target, key) {
    if (typeof key === 'symbol') return Reflect.has(target, key);
    if (key === 'then') return false;
    const { host, state } = target[internals];
    host.look();
    return (!isReserved(key) && state.fields.has(key)) || Reflect.has(target, key);
  },

  ownKeys(target) {
    const { host, state } = target[internals];
    host.look();
    return state.fields.keys().filter((key) => !isReserved(key));
  },

  getOwnPropertyDescriptor(target, key) {
    if (typeof key === 'symbol' || isReserved(key)) return undefined;
    const { host, state } = target[internals];
    host.look();
    if (!state.fields.has(key)) return undefined;
    return { value: valueOf(host, state, key), writable: true, enumerable: true, configurable: true };
  },

  defineProperty(target, key, descriptor) {
    // A stored value has no other attributes. They would be lost by the next request, so they are refused.
    const { configurable, enumerable, writable } = descriptor;
    if (!('value' in descriptor) || [configurable, enumerable, writable].includes(false)) return false;
    return handler.set?.(target, key, descriptor.value, target) ?? false;
  },

  preventExtensions: () => false,
  setPrototypeOf: () => false,
};

/** The host and the state of the object that the app sees. */
export function internalsOf(session: Session): SessionInternals {
  const inside: unknown = Reflect.get(Object(session), internals);
  if (areInternals(inside)) return inside;
  throw new SessError('CONFIG_INVALID', 'This is not a session that sessions.open() made.');
}

/** Whether this request has logged its session out: the next one begins with `regenerate()`. */
export function isDestroyed(session: Session): boolean {
  return internalsOf(session).state.closing === 'destroyed';
}

/** The request that a session belongs to. */
export function hostOf(session: Session): SessionHost {
  return internalsOf(session).host;
}

/** Not by `instanceof`: another copy of this module has classes of its own. */
function areInternals(value: unknown): value is SessionInternals {
  return typeof value === 'object' && value !== null && 'host' in value && 'state' in value;
}

/** @throws SessError `STORE_CORRUPT`: a fault that shows only when the value is looked at; not after the answer */
function valueOf(host: SessionHost, state: SessionState, key: string): unknown {
  try {
    return state.fields.get(key);
  } catch (error) {
    if (host.isAnswered) return undefined;
    throw host.surface(error);
  }
}
