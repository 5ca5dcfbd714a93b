import { isSessError, scrub } from '../errors.ts';
import { publish } from '../events.ts';
import type { Exchange } from './exchange.ts';

/** Told of a commit that failed after the app had given its answer: the client got the error in its place. */
export type FailureListener = (error: Error) => void;

/**
 * Tells of a commit that fails: the app has given its answer by then, so none of its error handlers would hear of it.
 * @param nameRequest says for the log which request it was, without what may be a secret
 */
export function toldOfFailure<T>(
  exchange: Exchange,
  nameRequest: () => string,
  onFailure: FailureListener | undefined,
  commit: () => T | Promise<T>,
): T | Promise<T> {
  const tell = (reason: unknown): void => {
    const error = reason instanceof Error ? reason : scrub(reason);
    publish('commitFailed', () => ({
      handle: exchange.knownHandle,
      code: isSessError(error) ? error.code : 'STORE_UNAVAILABLE',
      error,
    }));
    // In a turn of its own: what the listener throws is the app's.
    if (onFailure !== undefined) process.nextTick(() => exchange.headers.areHandedOver || onFailure(error));
    // Faults of the store were logged where they came from.
    else if (isSessError(error) && error.status !== 503) exchange.engine.logError(error, nameRequest());
  };
  try {
    const outcome = commit();
    if (outcome instanceof Promise) outcome.catch(tell);
    return outcome;
  } catch (error) {
    tell(error);
    throw error;
  }
}
