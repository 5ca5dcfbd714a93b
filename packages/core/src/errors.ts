import { helpOn } from './help-address.ts';

/**
 * Every code that the library throws, with the HTTP status that fits it. Each has a paragraph in
 * `docs/errors.md`.
 */
const statusOf = {
  CONFIG_INVALID: 500,
  COOKIE_TOO_LARGE: 500,
  FS_DIRECTORY: 500,
  FS_UNSUPPORTED: 500,
  HEADERS_SENT: 500,
  NOT_SERIALIZABLE: 500,
  REPORT_FORBIDDEN: 403,
  RESERVED_KEY: 400,
  SECRET_INVALID: 500,
  SESSION_CONFLICT: 503,
  SESSION_ENDED: 409,
  SESSION_GONE: 409,
  SESSION_READ_ONLY: 500,
  SESSION_SEALED: 500,
  SESSION_TOO_LARGE: 500,
  STORE_BUSY: 503,
  STORE_CORRUPT: 503,
  STORE_FULL: 503,
  STORE_PACKAGE_MISSING: 500,
  STORE_TIMEOUT: 503,
  STORE_TOO_NEW: 503,
  STORE_UNAVAILABLE: 503,
  UNSUPPORTED: 500,
  UPDATE_PENDING: 500,
  UPDATE_THREW: 500,
} as const;

/** The closed set of error codes. Test `error.code`, not `instanceof`: bundlers load modules twice. */
export type SessErrorCode = keyof typeof statusOf;

/** What a 503 says besides its status: come back soon, and let nobody cache this. */
export const faultHeaders: Readonly<Record<string, string>> = Object.freeze({
  'Retry-After': '1',
  'Cache-Control': 'no-store',
});

/** The one error class of the library: a code for programs, a sentence that says what to do for people. */
export class SessError extends Error {
  /** Always `SessError`: what happened is told by `code`. */
  override readonly name = 'SessError';
  /** What happened, for programs: it never changes its meaning. */
  readonly code: SessErrorCode;
  /** The HTTP status that fits: frameworks' error handlers take it from here. */
  readonly status: number;
  /** Same as `status`, under the name that some frameworks look for. */
  readonly statusCode: number;
  // `declare`: where there are none, whoever prints the error sees no `undefined` either.
  /** Headers that belong to the answer: set for faults of the store (503). */
  declare readonly headers?: Readonly<Record<string, string>>;
  /** Whether the message may be shown to a client (http-errors' convention). */
  readonly expose: boolean;
  /** The address of the paragraph about this code, where the documentation is published. */
  declare readonly help?: string;

  constructor(code: SessErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: scrub(options.cause) });
    this.code = code;
    this.status = statusOf[code];
    this.statusCode = this.status;
    this.expose = this.status < 500;
    if (this.status === 503) this.headers = faultHeaders;
    const help = helpOn(code);
    if (help !== undefined) this.help = help;
  }
}

/** Tells a {@link SessError}, also one of a second copy of this module. */
export function isSessError(error: unknown): error is SessError {
  return (
    error instanceof Error &&
    error.name === 'SessError' &&
    'code' in error &&
    typeof error.code === 'string' &&
    Object.hasOwn(statusOf, error.code)
  );
}

/**
 * A copy of an error that is safe to keep: name, message, code and stack, nothing else.
 * Clients' errors carry what they were sent (ioredis: the command with its arguments, so session
 * data and the password of AUTH).
 */
export function scrub(cause: unknown): Error {
  if (!(cause instanceof Error))
    return new Error(typeof cause === 'string' ? cause : 'a value that is not an error was thrown');
  const copy = new Error(cause.message);
  copy.name = cause.name;
  if (cause.stack !== undefined) copy.stack = cause.stack;
  if ('code' in cause && (typeof cause.code === 'string' || typeof cause.code === 'number'))
    Object.assign(copy, { code: cause.code });
  return copy;
}
