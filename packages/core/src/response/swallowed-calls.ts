import type { ServerResponse } from 'node:http';

import { bodyArguments } from './body-arguments.ts';
import { isGone } from './node-response.ts';

/** A `write` that comes to nothing, to an answer that was replaced or has no body. Its source goes on. */
export function swallowWrite(args: readonly unknown[], error: unknown): true {
  const { callback } = bodyArguments(args);
  if (callback !== undefined) process.nextTick(callback, error);
  return true;
}

/** An `end` of an answer that was replaced. */
export function swallowEnd(response: ServerResponse, args: readonly unknown[]): void {
  const { callback } = bodyArguments(args);
  if (callback === undefined) return;
  if (isGone(response) || response.writableFinished) process.nextTick(callback);
  else response.once('finish', callback);
}
