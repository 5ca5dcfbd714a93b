import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { requestOf } from './node-response.ts';

/** What a connection knows of the answers that are held on it. */
interface Held {
  /** How many answers the app has ended that have not left yet. */
  answers: number;
  /** It was to be destroyed meanwhile. */
  isDue: boolean;
}

const heldOn: unique symbol = Symbol.for('@sess/core held on this connection');

type Connection = Socket & { [heldOn]?: Held };

/**
 * Express destroys the connection where an error comes after the answer, and an app its request that brings too much.
 * Without a hold the answer has left by then. So where the app has ended an answer that is held, `destroy()` of the
 * connection waits until it has left. A connection that fails, or whose end was asked for, is destroyed at once.
 * @returns what lets it be destroyed
 */
export function destroyLater(response: ServerResponse): () => void {
  const connection: Connection | null = response.socket ?? requestOf(response)?.socket ?? null;
  if (connection === null) return () => {};
  const held = (connection[heldOn] ??= watchDestroy(connection));
  held.answers++;
  return () => {
    held.answers--;
    // The answer, or what takes its place, leaves in this turn.
    if (held.isDue) setImmediate(() => held.isDue && connection.destroy());
  };
}

/** It stays for as long as the connection: a method that comes and goes makes each look at a connection slow. */
function watchDestroy(connection: Connection): Held {
  const held: Held = { answers: 0, isDue: false };
  const { destroy } = connection;
  // Without an error a request that is destroyed gives `null`.
  connection.destroy = (error?: Error | null) => {
    held.isDue = held.answers > 0 && !error && !connection.writableEnded;
    return held.isDue ? connection : destroy.call(connection, error ?? undefined);
  };
  return held;
}
