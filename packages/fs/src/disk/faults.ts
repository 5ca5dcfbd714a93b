import { types } from 'node:util';
import { SessError, isSessError } from '@sess/core/internal/thread';

/** The code of an error of the operating system: `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  // Not by its class: in a context of its own, as test runners make them, Node's errors are of another one.
  const isCoded = typeof error === 'object' && error !== null && 'code' in error;
  return isCoded && typeof error.code === 'string' ? error.code : undefined;
}

export function isMissing(error: unknown): boolean {
  return errorCode(error) === 'ENOENT';
}

/** Whether the system does not let this user do it. */
export function isDenied(error: unknown): boolean {
  return errorCode(error) === 'EACCES' || errorCode(error) === 'EPERM';
}

const noRoom = new Set(['ENOSPC', 'EDQUOT']);

/** What an unexpected error means to the caller. It is never taken for absence. */
export function asFault(error: unknown): Error {
  if (isSessError(error) || (types.isNativeError(error) && error.name === 'TypeError')) return error;
  const code = errorCode(error) ?? 'unknown error';
  if (noRoom.has(code)) {
    return new SessError(
      'STORE_FULL',
      `There is no room left for sessions (${code}): nothing was written. Free disk space or inodes where the session directory lies.`,
      { cause: error },
    );
  }
  return new SessError(
    'STORE_UNAVAILABLE',
    `The session directory cannot be used (${code}${isDenied(error) ? placeOf(error) : ''}): ${hint(code)}. Whether a write took place is not known.`,
    { cause: error },
  );
}

function placeOf(error: unknown): string {
  const isPlaced = typeof error === 'object' && error !== null && 'path' in error && typeof error.path === 'string';
  return isPlaced ? ` at ${String(error.path)}` : '';
}

function hint(code: string): string {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `the app runs as uid ${process.geteuid?.()}, which has no right to do that. As root: chown -R ${process.geteuid?.()} <session directory>`;
    case 'EROFS':
      return 'its file system is mounted read-only';
    case 'EMFILE':
    case 'ENFILE':
      return 'too many files are open; raise the limit (ulimit -n), or look for what leaks them';
    case 'EIO':
      return 'the disk reports an error; look at the kernel log';
    default:
      return 'look at the cause';
  }
}

/** An error after the commit: the change is there, whatever the code says. */
export function afterCommit(error: unknown): SessError {
  return new SessError(
    'STORE_UNAVAILABLE',
    `The session was written, but not confirmed by the disk (${errorCode(error) ?? 'unknown error'}).`,
    { cause: error },
  );
}

export function replaced(path: string, what: string, cause?: unknown): SessError {
  return new SessError(
    'STORE_UNAVAILABLE',
    `The session directory ${path} ${what} since this process started. Put it back, or restart the app if that was meant.`,
    { cause },
  );
}

export function timedOut(): SessError {
  return new SessError(
    'STORE_TIMEOUT',
    'The session directory did not answer in time. Whether a write took place is not known.',
  );
}

export function died(cause: unknown): SessError {
  return new SessError(
    'STORE_UNAVAILABLE',
    'The thread that works for the session directory ended. Whether a write took place is not known.',
    { cause },
  );
}
