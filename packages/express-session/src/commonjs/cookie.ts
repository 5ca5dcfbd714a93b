import { type Clock, type CookieAttributes, systemClock } from '@sess/core';
import { serialize } from 'cookie';

/** The cookie's attributes as express-session has them. */
export interface CookieOptions {
  /** How long the session lives unused, in milliseconds. @default 24 hours, in a cookie that ends with the browser */
  maxAge?: number | null | undefined;
  /** When the browser drops the cookie: `maxAge` from now on, as a moment. */
  expires?: Date | null | undefined;
  /** Below which path the browser sends the cookie. @default '/' */
  path?: string | undefined;
  /** The domain whose hosts all get the cookie. @default the host that sent it, and no other */
  domain?: string | undefined;
  /** `'auto'`: over https alone, and then Secure. @default false */
  secure?: boolean | 'auto' | undefined;
  /** `'auto'`: `none` over https, else `lax`. @default none is named */
  sameSite?: boolean | 'lax' | 'strict' | 'none' | 'auto' | undefined;
  /** Whether a site that embeds yours gets a cookie of its own. @default false */
  partitioned?: boolean | undefined;
  /** Which cookies a browser that has too many drops first. @default none is named */
  priority?: 'low' | 'medium' | 'high' | undefined;
  /** Always true: no script needs to read the session's cookie. */
  httpOnly?: true | undefined;
}

/** The cookie of one session: its attributes, and how long the session lives. */
export class Cookie {
  /** Below which path the browser sends the cookie. */
  path = '/';
  /** A session is stored only where this is `true`. */
  httpOnly: boolean = true;
  /** The domain whose hosts all get the cookie. */
  domain?: string | undefined;
  /** Whether the cookie is sent over https alone. */
  secure?: boolean | 'auto' | undefined;
  /** Whether requests that other sites begin bring the cookie. */
  sameSite?: boolean | 'lax' | 'strict' | 'none' | 'auto' | undefined;
  /** Whether a site that embeds yours gets a cookie of its own. */
  partitioned?: boolean | undefined;
  /** Which cookies a browser that has too many drops first. */
  priority?: 'low' | 'medium' | 'high' | undefined;
  /** How long the session lives unused, in milliseconds; `null` for one that ends with the browser. */
  originalMaxAge: number | null = null;
  #expires: Date | null | undefined = null;
  readonly #clock: Clock;

  constructor(options: object = {}, clock: Clock = systemClock) {
    this.#clock = clock;
    if (typeof options !== 'object') throw new TypeError('argument options must be a object');
    const given: Record<string, unknown> = { ...options };
    const { data: _, originalMaxAge, expires, ...attributes } = given;
    Object.assign(this, attributes);
    // Stores read it from JSON, where it is a text.
    if ('expires' in given) Object.assign(this, { expires: typeof expires === 'string' ? new Date(expires) : expires });
    if (typeof originalMaxAge === 'number') this.originalMaxAge = originalMaxAge;
  }

  /** When the browser drops the cookie. Not enumerable, since {@link data} shows it. */
  get expires(): Date | null | undefined {
    return this.#expires;
  }

  set expires(date: Date | null | undefined) {
    this.#expires = date;
    // `false`, as many apps have it, means: with the browser.
    this.originalMaxAge = typeof this.maxAge === 'number' ? this.maxAge : null;
  }

  /** The time until {@link expires}, in milliseconds. */
  get maxAge(): number | null | undefined {
    return this.#expires instanceof Date ? this.#expires.valueOf() - this.#clock() : this.#expires;
  }

  set maxAge(ms: number | Date | null | undefined) {
    if (ms && typeof ms !== 'number' && !(ms instanceof Date)) throw new TypeError('maxAge must be a number or Date');
    this.expires = typeof ms === 'number' ? new Date(this.#clock() + ms) : ms;
    // The time that was assigned, and not what is left of it a millisecond later.
    if (typeof ms === 'number') this.originalMaxAge = ms;
  }

  /** What stores keep of the cookie. */
  get data(): Record<string, unknown> {
    const { originalMaxAge, partitioned, priority, expires, secure, httpOnly, domain, path, sameSite } = this;
    return { originalMaxAge, partitioned, priority, expires, secure, httpOnly, domain, path, sameSite };
  }

  /** The cookie as `Set-Cookie` has it. */
  serialize(name: string, value: string): string {
    return serialize(name, value, attributesOf(this, this.httpOnly));
  }

  /** The same as {@link data}. */
  toJSON(): Record<string, unknown> {
    return this.data;
  }
}

/** What `Set-Cookie` says of a cookie. */
export function attributesOf(cookie: Cookie, httpOnly = true): CookieAttributes & { httpOnly: boolean } {
  const { path, domain, secure, sameSite, partitioned, priority, expires } = cookie;
  return {
    httpOnly,
    path,
    ...(domain !== undefined && { domain }),
    ...(secure && { secure: true }),
    ...(typeof sameSite === 'string' && sameSite !== 'auto' && { sameSite }),
    ...(sameSite === true && { sameSite: 'strict' }),
    ...(partitioned && { partitioned }),
    ...(priority !== undefined && { priority }),
    ...(expires instanceof Date && { expires }),
  };
}

/**
 * What is stored of a cookie: the attributes in which sessions may differ, without the moment of its end, which would be
 * another one at each request.
 */
export function textOfCookie(cookie: Cookie): string {
  const { expires: _, httpOnly: __, ...lasting } = cookie.data;
  return JSON.stringify(lasting);
}
