import { types } from 'node:util';
import type { SessErrorCode } from '@sess/core';
import { SessError, isSessError } from '@sess/core/internal/thread';
import { asFault } from '../disk/faults.ts';

interface PlainError {
  name: string;
  message: string;
  stack: string | undefined;
  code: unknown;
}

/** An error on its way to another thread. Sent as an `Error` it would lose its class and its code. */
export interface CarriedError extends PlainError {
  /** Absent: a TypeError, the caller's mistake. */
  fault: SessErrorCode | undefined;
  cause: PlainError | undefined;
}

export function carriedError(thrown: unknown): CarriedError {
  const error = asFault(thrown);
  const { cause } = error;
  return {
    ...plain(error),
    fault: isSessError(error) ? error.code : undefined,
    // A SessError has scrubbed it already.
    cause: types.isNativeError(cause) ? plain(cause) : undefined,
  };
}

function plain(error: Error): PlainError {
  const code =
    'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? error.code : undefined;
  return { name: error.name, message: error.message, stack: error.stack, code };
}

export function arrivedError({ fault, message, stack, code, cause }: CarriedError): Error {
  const arrived =
    fault === undefined
      ? withCode(new TypeError(message), code)
      : new SessError(fault, message, cause === undefined ? {} : { cause: arrivedCause(cause) });
  if (stack !== undefined) arrived.stack = stack;
  return arrived;
}

function arrivedCause({ name, message, stack, code }: PlainError): Error {
  const arrived = new Error(message);
  arrived.name = name;
  if (stack !== undefined) arrived.stack = stack;
  return withCode(arrived, code);
}

function withCode(error: Error, code: unknown): Error {
  return code === undefined ? error : Object.assign(error, { code });
}
