import { type Session, type SessionControls, type SessionData, SessError } from '@sess/core';

import { withDigest } from './digest.ts';

/** A value that nobody can write to, however deep. */
export type DeepReadonly<Value> = Value extends object
  ? { readonly [Key in keyof Value]: DeepReadonly<Value[Key]> }
  : Value;

/** What a session tells of itself, besides its data. */
type Told =
  | 'handle'
  | 'id'
  | 'isNew'
  | 'createdAt'
  | 'touchedAt'
  | 'expiresAt'
  | 'owner'
  | 'idleTimeoutMs'
  | 'persistent';

/** A session to look at: your data, and what it tells of itself. */
export type ReadonlySession = Readonly<Pick<SessionControls, Told>> & DeepReadonly<SessionData>;

/** @throws SessError `SESSION_READ_ONLY`, always */
function refuse(what: string): never {
  throw withDigest(
    new SessError(
      'SESSION_READ_ONLY',
      `${what} would be lost: readSession() only reads, since a page can be on its way to the browser while it is rendered. ` +
        'Write in a Server Action or a Route Handler, in withSession((session) => ...).',
    ),
  );
}

function pathTo(path: string, key: string | symbol): string {
  const name = String(key);
  if (/^[A-Za-z_$][\w$]*$/.test(name)) return `${path}.${name}`;
  return /^\d+$/.test(name) ? `${path}[${name}]` : `${path}[${JSON.stringify(name)}]`;
}

/** These errors say where to write. The engine's own would only say that the object is frozen. */
function refusals<Target extends object>(path: string): ProxyHandler<Target> {
  return {
    set: (_, key) => refuse(`${pathTo(path, key)} = ...`),
    defineProperty: (_, key) => refuse(`${pathTo(path, key)} = ...`),
    deleteProperty: (_, key) => refuse(`delete ${pathTo(path, key)}`),
    setPrototypeOf: () => refuse(`A prototype for ${path}`),
  };
}

/** Freezes from the leaves up: the parts of a frozen whole have to be those that refuse writes, too. */
function frozen(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const copy: object = Array.isArray(value) ? [] : {};
  for (const [key, part] of Object.entries(value))
    Object.defineProperty(copy, key, { value: frozen(part, pathTo(path, key)), enumerable: true });
  return new Proxy(Object.freeze(copy), refusals(path));
}

const told = {
  handle: true,
  id: true,
  isNew: true,
  createdAt: true,
  touchedAt: true,
  expiresAt: true,
  owner: true,
  idleTimeoutMs: true,
  persistent: true,
} as const satisfies Record<Told, true>;

/** In JavaScript no compiler stops these calls, so they throw. */
const writers = ['save', 'update', 'regenerate', 'rotate', 'destroy', 'reload', 'touch', 'resetMaxAge'] as const;

/** What stands behind the data, not enumerable: a copy of the session is a copy of its data. */
function controlsOf(session: Session): object {
  const controls = {};
  for (const name of Object.keys(told))
    Object.defineProperty(controls, name, { get: (): unknown => Reflect.get(session, name) });
  for (const name of writers) Object.defineProperty(controls, name, { value: () => refuse(`session.${name}()`) });
  return Object.freeze(controls);
}

/**
 * A view of a session that cannot be changed. A value is parsed when it is first looked at.
 * @throws SessError the fault of the store, if the session could not be read
 */
export function readonlySession(session: Session): ReadonlySession {
  const view: object = Object.create(controlsOf(session));
  // `Object.keys` would look at the values, too.
  for (const key of Reflect.ownKeys(session)) {
    let value: { readonly frozen: unknown } | undefined;
    const get = (): unknown => (value ??= { frozen: frozen(Reflect.get(session, key), pathTo('session', key)) }).frozen;
    Object.defineProperty(view, key, { get, enumerable: true });
  }
  // What the keys of the session are, is the app's word (SessionData), as in a session that can be written.
  return new Proxy(Object.freeze(view), refusals('session')) as ReadonlySession;
}
