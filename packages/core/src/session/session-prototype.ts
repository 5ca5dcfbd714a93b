import { inspect } from 'node:util';

import { isPersistent } from '../cookie/cookie-line.ts';
import { SessError } from '../errors.ts';
import { LONGEST_LIFETIME_MS, idleTimeoutOf } from '../expiry.ts';
import type { Fields } from './fields.ts';
import type {
  RegenerateOptions,
  Session,
  SessionCallback,
  SessionControls,
  SessionDataKey,
  StorableData,
} from './session.ts';
import type { SessionHost } from './session-host.ts';
import { SessionCookie } from './session-cookie.ts';
import type { SessionState } from './session-state.ts';
import type { SessionSettings } from '../store.ts';

/**
 * Leads from the object that the app sees to its host and state. Never listed as a key. Shared, since bundlers load a
 * module twice: the sessions of one copy are sessions to the other.
 */
export const internals: unique symbol = Symbol.for('@sess/core session internals');

export interface SessionInternals {
  readonly host: SessionHost;
  readonly state: SessionState;
}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- the constructor defines it; a class cannot declare a symbol's key under isolatedDeclarations
export interface SessionPrototype {
  readonly [internals]: SessionInternals;
}

/** The controls of every session: the prototype of the object that the app sees. */
export class SessionPrototype implements SessionControls {
  constructor(host: SessionHost, state: SessionState) {
    Object.defineProperty(this, internals, { value: { host, state }, configurable: true });
  }

  get handle(): string {
    const { host, state } = this[internals];
    return host.handleOf(state);
  }

  get id(): string {
    return this.handle;
  }

  get isNew(): boolean {
    return this[internals].state.standing !== 'stored';
  }

  get createdAt(): Date {
    return new Date(this[internals].state.createdAt);
  }

  get touchedAt(): Date {
    return new Date(this[internals].state.touchedAt);
  }

  get expiresAt(): Date {
    return new Date(this[internals].state.expiresAt);
  }

  get owner(): string | undefined {
    return this[internals].state.owner;
  }

  get idleTimeoutMs(): number {
    const { host, state } = this[internals];
    return idleTimeoutOf(state.settings, host.engine.timeouts);
  }

  set idleTimeoutMs(ms: number) {
    assertLifetime('idleTimeoutMs', ms);
    change(this, { idleTimeoutMs: ms });
  }

  get persistent(): boolean {
    const { host, state } = this[internals];
    return isPersistent(host.engine, state);
  }

  set persistent(value: boolean) {
    if (typeof value !== 'boolean') throw new SessError('CONFIG_INVALID', 'session.persistent must be true or false.');
    change(this, { persistent: value });
  }

  get cookie(): SessionCookie {
    const { host, state } = this[internals];
    return new SessionCookie({
      settings: host.engine.cookie,
      now: () => host.engine.clock(),
      persistent: () => this.persistent,
      remainingMs: () => state.expiresAt - host.engine.clock(),
      idleTimeoutMs: () => this.idleTimeoutMs,
      live: (ms) => {
        if (ms !== undefined) assertLifetime('cookie.maxAge', ms);
        change(this, ms === undefined ? { persistent: false } : { persistent: true, idleTimeoutMs: ms });
      },
    });
  }

  /** Other middleware copies a session's cookie with its data (utils-merge): its lifetime is taken over. */
  set cookie(value: { maxAge?: number | null | undefined; originalMaxAge?: number | null | undefined }) {
    if (typeof value !== 'object' || value === null)
      throw new SessError(
        'RESERVED_KEY',
        'session.cookie is a view on the cookie and cannot hold data; assign session.cookie.maxAge.',
      );
    const ms = value.originalMaxAge ?? value.maxAge;
    const { cookie } = this;
    if (ms !== undefined && ms !== cookie.originalMaxAge) cookie.maxAge = ms;
  }

  save(): Promise<void>;
  save(callback: SessionCallback): this;
  save(callback?: SessionCallback): Promise<void> | this {
    const { host, state } = this[internals];
    return settle(this, host.save(state), callback);
  }

  update<Key extends SessionDataKey, Value extends StorableData[Key] = StorableData[Key]>(
    key: Key,
    fn: (current: StorableData[Key]) => Value,
  ): Promise<Value> {
    const { host, state } = this[internals];
    // The type of a key's data is the app's word (SessionData); the store knows only texts.
    return host.update(state, key, fn as (current: unknown) => unknown) as Promise<Value>;
  }

  regenerate(callback: SessionCallback): this;
  regenerate(options: RegenerateOptions, callback: SessionCallback): this;
  regenerate(options?: RegenerateOptions): Promise<Session>;
  regenerate(first?: RegenerateOptions | SessionCallback, second?: SessionCallback): Promise<Session> | this {
    const { host, state } = this[internals];
    const callback = typeof first === 'function' ? first : second;
    const options = typeof first === 'function' ? {} : (first ?? {});
    return settle(this, host.regenerate(state, options), callback);
  }

  rotate(): Promise<Session>;
  rotate(callback: SessionCallback): this;
  rotate(callback?: SessionCallback): Promise<Session> | this {
    const { host, state } = this[internals];
    return settle(this, host.rotate(state), callback);
  }

  destroy(): Promise<void>;
  destroy(callback: SessionCallback): this;
  destroy(callback?: SessionCallback): Promise<void> | this {
    const { host, state } = this[internals];
    return settle(this, host.destroy(state), callback);
  }

  reload(): Promise<void>;
  reload(callback: SessionCallback): this;
  reload(callback?: SessionCallback): Promise<void> | this {
    const { host, state } = this[internals];
    return settle(this, host.reload(state), callback);
  }

  touch(): this {
    this[internals].state.touchWanted = true;
    return this;
  }

  resetMaxAge(): this {
    return this.touch();
  }

  toJSON(): Record<string, unknown> {
    return Object.fromEntries(Object.entries(this));
  }
}

// What `util.inspect` and `console.log` show: the data, never the token.
Object.defineProperty(SessionPrototype.prototype, inspect.custom, {
  value(this: SessionPrototype, _depth: number, options: object): string {
    const { host, state } = this[internals];
    if (host.fault !== undefined) return `Session [${host.fault.code}]`;
    const shown = state.fields.keys().map((key) => [key, shownValue(state.fields, key)]);
    return `Session ${inspect(Object.fromEntries(shown), options)}`;
  },
});

/** A log line must not throw for what is wrong with the session. */
function shownValue(fields: Fields, key: string): unknown {
  try {
    return fields.get(key);
  } catch (error) {
    return error;
  }
}

// Functions, not private methods: `this` is the proxy that the app sees, and a proxy has no private members.

function assertLifetime(name: string, ms: number): void {
  if (Number.isFinite(ms) && ms > 0 && ms <= LONGEST_LIFETIME_MS) return;
  throw new SessError(
    'CONFIG_INVALID',
    `session.${name} must be a positive number of milliseconds, at most ${LONGEST_LIFETIME_MS}. To end the session call destroy().`,
  );
}

function change(session: SessionPrototype, settings: SessionSettings): void {
  const { host, state } = session[internals];
  host.changeSettings(state, settings);
}

function settle<S extends SessionPrototype, T>(
  session: S,
  work: Promise<T>,
  callback: SessionCallback | undefined,
): Promise<T> | S {
  if (callback === undefined) return work;
  // Outside of the promise, so that what the callback throws is the app's own error.
  work.then(
    () => process.nextTick(callback),
    (error: unknown) => process.nextTick(callback, error),
  );
  return session;
}
