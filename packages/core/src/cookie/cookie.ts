import { stringifySetCookie } from 'cookie';

import { SessError } from '../errors.ts';
import { nearestOption } from '../known-options.ts';

/** How the session's cookie is sent. */
export interface CookieOptions {
  /**
   * The cookie's name.
   * @default '__Host-sid' where the cookie is Secure and has neither `domain` nor another `path`; else 'sid'
   */
  name?: string;
  /** @default '/' */
  path?: string;
  /** @default none: the cookie belongs to this host alone */
  domain?: string;
  /** @default true where NODE_ENV is `production` */
  secure?: boolean;
  /** @default 'lax' */
  sameSite?: 'lax' | 'strict' | 'none';
  /** Keyed by the top-level site (CHIPS). */
  partitioned?: boolean;
  /** Which cookies a browser that has too many drops first. */
  priority?: 'low' | 'medium' | 'high';
  /**
   * Whether the cookie outlives the browser; a session can say otherwise (`session.persistent`).
   * @default true
   */
  persistent?: boolean;
}

/** The cookie's name and attributes, checked. */
export interface CookieSettings {
  name: string;
  /** Below which path browsers send the cookie. */
  path: string;
  /** The domain whose hosts all get the cookie. Absent: the one host that sends it. */
  domain?: string;
  /** Whether browsers send the cookie over https alone. */
  secure: boolean;
  sameSite: 'lax' | 'strict' | 'none';
  /** Whether a site that embeds this one gets a cookie of its own. */
  partitioned: boolean;
  /** Which cookies a browser that has too many drops first. */
  priority?: 'low' | 'medium' | 'high';
  persistent: boolean;
}

/** RFC 6265bis section 5.6: browsers drop a cookie whose name and value are longer; we count the attributes too. */
export const COOKIE_BYTES = 4096;
/** Node.js itself refuses longer headers at HTTP/1. These, and more pairs of our name, are an attack: nobody reads them. */
export const HEADER_LENGTH = 16_384;
const PAIRS_OF_OUR_NAME = 64;

const nameShape = /^[\w!#$%&'*+.^`|~-]+$/;
// The `cookie` package throws at what these refuse: here at construction, there in the midst of an answer.
const pathShape = /^\/[\u0020-\u003A\u003D-\u007E]*$/;
const domainShape = /^\.?[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?)*$/i;

const known: Record<keyof CookieOptions | 'httpOnly', true> = {
  name: true,
  path: true,
  domain: true,
  secure: true,
  sameSite: true,
  partitioned: true,
  priority: true,
  persistent: true,
  httpOnly: true,
};

/**
 * Fills in the defaults and refuses combinations that browsers refuse (RFC 6265bis section 4.1.3).
 * @throws SessError `CONFIG_INVALID`, naming the option
 */
export function cookieSettings(options: CookieOptions, production: boolean): CookieSettings {
  for (const option of Object.keys(options)) {
    // Ignored, a `maxAge` as in another library would be noticed only in production.
    if (Object.hasOwn(known, option)) continue;
    const hint = /^(maxAge|expires)$/.test(option) ? ' (say idleTimeoutMs or absoluteTimeoutMs, beside cookie)' : '';
    invalid(
      option,
      `is unknown${hint}.${nearestOption(option, Object.keys(known))} Known are: ${Object.keys(known).join(', ')}`,
    );
  }
  const path = options.path ?? '/';
  const secure = options.secure ?? production;
  const hostOnly = secure && path === '/' && options.domain === undefined;
  const name = options.name ?? (hostOnly ? '__Host-sid' : 'sid');
  const sameSite = options.sameSite ?? 'lax';
  const partitioned = options.partitioned ?? false;

  if (typeof name !== 'string' || !nameShape.test(name))
    invalid('name', "must be a cookie name: letters, digits and !#$%&'*+-.^_`|~");
  if (typeof path !== 'string' || !pathShape.test(path))
    invalid('path', 'must begin with "/" and hold only ASCII characters without ";", "<" and control characters');
  if (options.domain !== undefined && (typeof options.domain !== 'string' || !domainShape.test(options.domain)))
    invalid('domain', 'must be a host name');
  if (!['lax', 'strict', 'none'].includes(sameSite)) invalid('sameSite', 'must be "lax", "strict" or "none"');
  if (options.priority !== undefined && !['low', 'medium', 'high'].includes(options.priority))
    invalid('priority', 'must be "low", "medium" or "high"');
  for (const flag of ['secure', 'partitioned', 'persistent'] as const) {
    if (options[flag] !== undefined && typeof options[flag] !== 'boolean') invalid(flag, 'must be true or false');
  }
  if ('httpOnly' in options && options.httpOnly !== undefined && options.httpOnly !== true)
    invalid('httpOnly', 'cannot be switched off: no script needs to read the session cookie');
  if (sameSite === 'none' && !secure) invalid('sameSite', '"none" needs secure: true');
  if (partitioned && !secure) invalid('partitioned', 'needs secure: true');
  const prefix = /^__(host|secure)-/i.exec(name)?.[1]?.toLowerCase();
  if (prefix !== undefined && !secure) invalid('name', `"${name}" needs secure: true`);
  if (prefix === 'host' && !hostOnly) invalid('name', `"${name}" allows no domain and no path but "/"`);

  return {
    name,
    path,
    secure,
    sameSite,
    partitioned,
    persistent: options.persistent ?? true,
    ...(options.domain === undefined ? {} : { domain: options.domain }),
    ...(options.priority === undefined ? {} : { priority: options.priority }),
  };
}

function invalid(option: string, sentence: string): never {
  throw new SessError('CONFIG_INVALID', `Option cookie.${option} ${sentence}.`);
}

/**
 * All values that the header gives for this exact name, verbatim: nothing is percent-decoded or
 * unquoted, and only spaces and tabs are trimmed, so that no other name can pose as ours
 * (CVE-2020-8184, CVE-2026-39410).
 */
export function cookieValues(header: string | undefined, name: string): string[] {
  const values: string[] = [];
  // `Headers.get('cookie')` of a Web request says `null`.
  if (typeof header !== 'string' || header.length > HEADER_LENGTH) return values;
  let at = header.indexOf(name);
  while (at !== -1 && values.length < PAIRS_OF_OUR_NAME) {
    let end = header.indexOf(';', at);
    if (end === -1) end = header.length;
    if (beginsPair(header, at)) {
      const equals = skipBlanks(header, at + name.length);
      if (header[equals] === '=') values.push(trimBlanks(header.slice(equals + 1, end)));
    }
    at = header.indexOf(name, end);
  }
  return values;
}

/** Whether nothing but blanks stands between `at` and the pair's beginning. */
function beginsPair(header: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && isBlank(header, before)) before -= 1;
  return before < 0 || header[before] === ';';
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && isBlank(text, at)) at += 1;
  return at;
}

function trimBlanks(text: string): string {
  const start = skipBlanks(text, 0);
  let end = text.length;
  while (end > start && isBlank(text, end - 1)) end -= 1;
  return text.slice(start, end);
}

function isBlank(text: string, at: number): boolean {
  return text[at] === ' ' || text[at] === '\t';
}

/** The attributes of one answer's cookie, where they are not those of all sessions. */
export interface CookieAttributes extends Partial<Omit<CookieSettings, 'name' | 'persistent' | 'sameSite'>> {
  /** Absent: the cookie has none, and browsers take their own default. */
  sameSite?: 'lax' | 'strict' | 'none';
  /** When the browser drops it. Absent: with its own end. */
  expires?: Date;
}

/**
 * The `Set-Cookie` value with attributes of its own.
 * @param value absent: the browser drops the cookie now
 * @throws SessError `COOKIE_TOO_LARGE`, `CONFIG_INVALID` for attributes that no cookie can have
 */
export function cookieOfOne(name: string, value: string | undefined, attributes: CookieAttributes): string {
  const age = value === undefined ? { maxAge: 0, expires: new Date(0) } : {};
  const cookie = { ...attributes, ...age, name, value: value ?? '', httpOnly: true };
  let line: string;
  try {
    line = stringifySetCookie(cookie, { encode: (text) => text });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SessError('CONFIG_INVALID', `The session cookie cannot have these attributes: ${why}.`);
  }
  return assertSize(line);
}

/**
 * The `Set-Cookie` value.
 * @param value as it is to stand there: the carrier's, in base64url
 * @param maxAgeSeconds absent: the cookie ends with the browser. 0: the browser drops it now.
 * @throws SessError `COOKIE_TOO_LARGE` above 4096 bytes with name and attributes
 */
export function setCookie(settings: CookieSettings, value: string, maxAgeSeconds: number | undefined): string {
  if (maxAgeSeconds === 0) return lineOf(settings, value, { maxAge: 0, expires: new Date(0) });
  let attributes = attributesOf.get(settings);
  if (attributes === undefined) {
    attributes = lineOf(settings, '', {}).slice(`${settings.name}=`.length);
    attributesOf.set(settings, attributes);
  }
  const maxAge = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`;
  return assertSize(`${settings.name}=${value}${maxAge}${attributes}`);
}

function assertSize(line: string): string {
  if (Buffer.byteLength(line) <= COOKIE_BYTES) return line;
  throw new SessError(
    'COOKIE_TOO_LARGE',
    `The session cookie would have ${Buffer.byteLength(line)} bytes; browsers keep at most ${COOKIE_BYTES}. Keep less in the session, or use a store.`,
  );
}

/** What follows the value, from `; Path` on: all cookies of an app have the same. */
const attributesOf = new WeakMap<CookieSettings, string>();

function lineOf(settings: CookieSettings, value: string, age: { maxAge?: number; expires?: Date }): string {
  const { persistent: _, ...attributes } = settings;
  return stringifySetCookie({ ...attributes, ...age, value, httpOnly: true }, { encode: (text) => text });
}
