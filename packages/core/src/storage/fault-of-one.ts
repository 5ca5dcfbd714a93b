import { type SessError, isSessError } from '../errors.ts';

/** Whether it is a fault of one session alone: the others can still be read and ended. */
export function isFaultOfOne(error: unknown): error is SessError {
  return isSessError(error) && (error.code === 'STORE_CORRUPT' || error.code === 'STORE_TOO_NEW');
}
