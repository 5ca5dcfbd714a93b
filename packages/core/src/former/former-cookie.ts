import { stringifySetCookie } from 'cookie';

/** Where a cookie of another library lies in the browser. */
export interface FormerCookie {
  /** The cookie's name. */
  readonly name: string;
  /** @default '/' */
  readonly path?: string;
  /** @default none: it belongs to the host alone */
  readonly domain?: string;
}

/** The `Set-Cookie` value that takes it from the browser. */
export function clearingFormer({ name, path = '/', domain }: FormerCookie): string {
  // A browser keeps a __Host- or __Secure- cookie as it is unless the line that clears it says Secure too.
  const secure = /^__(?:host|secure)-/i.test(name);
  return stringifySetCookie({
    name,
    value: '',
    path,
    ...(domain !== undefined && { domain }),
    ...(secure && { secure }),
    httpOnly: true,
    maxAge: 0,
    expires: new Date(0),
  });
}

/** Whether a browser keeps both in one place, so that one replaces the other. */
export function isSamePlace(one: FormerCookie, other: FormerCookie): boolean {
  return one.name === other.name && (one.path ?? '/') === (other.path ?? '/') && one.domain === other.domain;
}
