import type { UnderlyingSource } from 'node:stream/web';

import type { Exchange } from '../exchange/exchange.ts';

/**
 * The body of an answer. What is changed while it streams is stored before the body ends; when that fails the body breaks
 * off, so that no client takes it for a whole one.
 */
export function bodyUntilCommitted(
  exchange: Exchange,
  response: Response,
  commitLate: () => Promise<void>,
): ReadableStream<Uint8Array> | null {
  const { body } = response;
  if (body === null) exchange.seal();
  // Of other sessions a change from here on is refused: it would need a cookie, and the head leaves.
  const mayChange = exchange.state.standing === 'stored' && !exchange.engine.carrier.holdsSession;
  if (body === null || !mayChange) return body;
  const reader = body.getReader();
  /** Nobody gets the rest of the body: what is not stored yet is let go, and told of by an event. */
  const abandon = (): void => {
    exchange.abandon();
    exchange.isAnswered = true;
  };
  const isLast = lastChunk(response.headers);
  let kept: Uint8Array | undefined;
  const source: UnderlyingSource<Uint8Array> = {
    async pull(controller) {
      for (;;) {
        const { done, value } = await reader.read().catch((error: unknown) => {
          abandon();
          throw error;
        });
        if (done) break;
        if (!isLast(value)) return controller.enqueue(value);
        kept = value;
      }
      const late = commitLate();
      exchange.seal();
      await late;
      if (kept !== undefined) controller.enqueue(kept);
      controller.close();
    },
    cancel(reason) {
      abandon();
      return reader.cancel(reason);
    },
  };
  // Nothing is read before somebody wants it.
  return new ReadableStream(source, { highWaterMark: 0 });
}

/**
 * Tells the chunk that completes an announced length. With it the client takes the answer for whole, so it waits for the
 * commit. Without `Content-Length` the end of the body is a mark of its own, and every chunk passes at once.
 */
function lastChunk(headers: Headers): (chunk: Uint8Array) => boolean {
  const length = headers.get('Content-Length');
  if (length === null) return () => false;
  let left = Number(length);
  return (chunk) => {
    left -= chunk.byteLength;
    return left === 0;
  };
}
