import { SessError } from '../errors.ts';
import { assertKnownOptions } from '../known-options.ts';
import type { SessionExchange, Sessions } from '../sessions.ts';

/** A property of a framework's request: what it reads of the exchange, and what an assignment to it does. */
export interface ExposedProperty {
  get(exchange: SessionExchange): unknown;
  set?(exchange: SessionExchange, value: unknown): void;
}

/** Where a middleware puts its sessions. */
export interface MiddlewareOptions {
  /**
   * The name of the request's property that is the session. Two kinds of sessions on one request need one each, and a
   * cookie name each.
   * @default 'session'
   */
  property?: string;
}

export interface ExposedSession {
  sessions: Sessions;
  /** What the framework's users call a request: `req`, `ctx`. */
  subject: string;
  options: MiddlewareOptions;
  session: ExposedProperty;
  /** Other properties, for the session of the default name alone. */
  aliases?: Readonly<Record<string, ExposedProperty>>;
}

export interface Exposing {
  /**
   * Whether this request has its session already: the same middleware came before, or somebody else has put a session
   * there.
   *
   * @throws SessError `CONFIG_INVALID` where other sessions of ours have the property, or the same cookie
   */
  isTaken(request: object): boolean;
  /** What the same sessions have attached to a request that this one is made of: an app mounted in another has its own. */
  attachedTo(request: object): SessionExchange | undefined;
  expose(request: object, exchange: SessionExchange): void;
}

interface Attached {
  readonly property: string;
  readonly sessions: Sessions;
  readonly exchange: SessionExchange;
}

/** Where a request keeps what is attached to it: one kind of sessions, rarely two. */
const attachedSymbol: unique symbol = Symbol.for('@sess/core attached sessions');

interface AttachedTo {
  [attachedSymbol]?: Attached[];
}

/**
 * How an adapter shows an exchange on its framework's requests: by the same accessors on all of them. With closures of
 * its own each request would have a shape of its own, and all that is done to it from there on would be slow.
 *
 * @throws SessError `CONFIG_INVALID`
 */
export function exposing({ sessions, subject, options, session, aliases }: ExposedSession): Exposing {
  assertKnownOptions("session()'s second argument", options, ['property']);
  const { property = 'session' } = options;
  if (typeof property !== 'string' || !/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(property) || property in {})
    throw new SessError('CONFIG_INVALID', "Option property must be a name, such as 'adminSession'.");

  const accessors: PropertyDescriptorMap = { [property]: accessor(property, session) };
  if (property === 'session')
    for (const [name, alias] of Object.entries(aliases ?? {})) accessors[name] = accessor(property, alias);

  return {
    isTaken(request: AttachedTo) {
      for (const other of request[attachedSymbol] ?? []) {
        if (other.property === property && other.sessions === sessions) return true;
        refuseSecond(subject, property, sessions, other);
      }
      if (property !== 'session' && property in request && !Object.hasOwn(request, property))
        throw new SessError(
          'CONFIG_INVALID',
          `Option property cannot be '${property}': ${subject}.${property} is the framework's own. Choose another name.`,
        );
      // A session of another library, or what a test of the app has put there.
      return Boolean(Reflect.get(request, property));
    },
    attachedTo: (request: AttachedTo) =>
      request[attachedSymbol]?.find((other) => other.sessions === sessions)?.exchange,
    expose(request: AttachedTo, exchange) {
      const attached = request[attachedSymbol];
      if (attached !== undefined) attached.push({ property, sessions, exchange });
      else {
        // Not listed: whoever prints a request does not want to see the inside of its session.
        const value: Attached[] = [{ property, sessions, exchange }];
        Object.defineProperty(request, attachedSymbol, { value, configurable: true });
      }
      Object.defineProperties(request, accessors);
    },
  };
}

/** @throws SessError `CONFIG_INVALID` where two kinds of sessions cannot be told from each other */
function refuseSecond(subject: string, property: string, sessions: Sessions, other: Attached): void {
  const taken = `${subject}.${other.property}`;
  if (other.property === property)
    throw new SessError(
      'CONFIG_INVALID',
      `${taken} is the session of another session(): a second one, of other sessions, would do nothing. Put both on the same sessions: const sessions = createSessions(), session(sessions). Or, for two kinds of sessions, give the second a property and a cookie of its own: session({ cookie: { name: 'admin' } }, { property: 'adminSession' }).`,
    );
  if (other.sessions === sessions)
    throw new SessError(
      'CONFIG_INVALID',
      `These sessions are ${taken} already: they cannot be ${subject}.${property}, too.`,
    );
  if (other.sessions.cookieName === sessions.cookieName)
    throw new SessError(
      'CONFIG_INVALID',
      `${taken} and ${subject}.${property} would have the same cookie, "${sessions.cookieName}": each would overwrite the other's. Give one another name: createSessions({ cookie: { name: 'admin' } }).`,
    );
}

function accessor(property: string, { get, set }: ExposedProperty): PropertyDescriptor {
  const descriptor: PropertyDescriptor & ThisType<AttachedTo> = {
    get() {
      return get(exchangeOn(this, property));
    },
    configurable: true,
    enumerable: true,
  };
  if (set !== undefined)
    descriptor.set = function assign(this: AttachedTo, value: unknown) {
      set(exchangeOn(this, property), value);
    };
  return descriptor;
}

function exchangeOn(request: AttachedTo, property: string): SessionExchange {
  const found = request[attachedSymbol]?.find((attached) => attached.property === property);
  if (found === undefined)
    throw new SessError('UNSUPPORTED', `This request has no ${property}: the accessor belongs to another request.`);
  return found.exchange;
}
