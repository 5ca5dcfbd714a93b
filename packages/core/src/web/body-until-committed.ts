import type { UnderlyingSource } from 'node:stream/web';

import type { Exchange } from '../exchange/exchange.ts';

type Chunk = Uint8Array<ArrayBuffer>;

/**
 * The body of an answer. What is changed while it streams is stored before the body ends; when that fails the body breaks
 * off, so that no client takes it for a whole one.
 *
 * Most answers are whole when they are given. Such a body comes back as its bytes, and the session is sealed: a server
 * then sends head and body at once, where a stream around it makes a read half as dear again.
 *
 * @param text the whole body, where that is known: then the answer is not asked for it
 * @throws what `commitLate` throws, where the body is whole
 */
export async function bodyUntilCommitted(
  exchange: Exchange,
  answer: Response,
  commitLate: (isSecond: boolean) => Promise<void>,
  text?: string,
): Promise<ReadableStream<Chunk> | Chunk | null> {
  const body = text === undefined ? answer.body : null;
  // Of other sessions a change from here on is refused: it would need a cookie, and the head leaves.
  const mayChange = exchange.state.standing === 'stored' && !exchange.engine.carrier.holdsSession;
  // Whoever looks after a whole answer, as an access log does, is not told of a fault any more.
  if (!mayChange && exchange.fault === undefined) {
    if (body === null && text === undefined) exchange.seal();
    return body;
  }
  /** @param isSecond nothing of the answer has left yet */
  const commitLast = (isSecond: boolean): Promise<void> => {
    const late = commitLate(isSecond);
    exchange.seal();
    return late;
  };
  if (body === null) {
    await commitLast(true);
    return null;
  }
  const { headers } = answer;
  const reader = body.getReader();
  // Who names a transfer coding wants a stream: a server would announce the length of bytes besides.
  const { whole, ahead } = headers.has('Transfer-Encoding') ? { ahead: [] } : await readAhead(reader);
  if (whole !== undefined) {
    await commitLast(true);
    return whole;
  }
  /** Nobody gets the rest of the body: what is not stored yet is dropped, with an event. */
  const abandon = (): void => {
    exchange.abandon();
    exchange.isAnswered = true;
  };
  const isLast = lastChunk(headers);
  let kept: Chunk | undefined;
  const source: UnderlyingSource<Chunk> = {
    async pull(controller) {
      for (;;) {
        const { done, value } = await (ahead.shift() ?? reader.read()).catch((error: unknown) => {
          abandon();
          throw error;
        });
        if (done) break;
        if (value.byteLength === 0) continue;
        // More comes than was announced: whoever sends the body is the one to say so.
        if (kept !== undefined) controller.enqueue(kept);
        kept = undefined;
        if (!isLast(value)) return controller.enqueue(value);
        kept = value;
      }
      await commitLast(false);
      if (kept !== undefined) controller.enqueue(kept);
      controller.close();
    },
    cancel(reason) {
      abandon();
      return reader.cancel(reason);
    },
  };
  // No more is read before somebody wants it.
  return new ReadableStream(source, { highWaterMark: 0 });
}

type Reader = ReadableStreamDefaultReader<Chunk>;
type Reading = ReturnType<Reader['read']>;

/** @returns the one chunk that a body consists of, if it and the end are there already; else the reads that were begun */
async function readAhead(reader: Reader): Promise<{ whole?: Chunk; ahead: Reading[] }> {
  const ahead: Reading[] = [];
  const next = (): Promise<Awaited<Reading> | undefined> => {
    const reading = reader.read();
    ahead.push(reading);
    return atOnce(reading);
  };
  const first = await next();
  if (first === undefined) return { ahead };
  if (first.done) return { whole: new Uint8Array(), ahead };
  const { value } = first;
  const isSmall = value instanceof Uint8Array && value.byteLength <= mostWholeBytes;
  const isWhole = isSmall && (await next())?.done === true;
  // A copy: bytes on shared memory are no body.
  return { ...(isWhole && { whole: new Uint8Array(value) }), ahead };
}

/** A longer one goes on as a stream, which costs little beside it: `Response` copies bytes. */
const mostWholeBytes = 2 ** 20;

/** The body of a string takes two or three turns of the microtask queue in Node.js 20 to 26; other runtimes may take more. */
const turnsAtOnce = 8;

/** @returns what the promise settles to without any I/O; `undefined` if it needs more, or fails */
async function atOnce<T>(promise: Promise<T>): Promise<T | undefined> {
  let result: T | undefined;
  promise.then(
    (value) => (result = value),
    () => {},
  );
  for (let turn = 0; turn < turnsAtOnce && result === undefined; turn += 1) await Promise.resolve();
  return result;
}

/**
 * Tells the chunk that completes an announced length. With it the client takes the answer for whole, so it waits for the
 * commit. Without `Content-Length` the end of the body is a mark of its own, and every chunk passes at once.
 */
function lastChunk(headers: Headers): (chunk: Chunk) => boolean {
  const length = headers.get('Content-Length');
  if (length === null) return () => false;
  let left = Number(length);
  return (chunk) => {
    left -= chunk.byteLength;
    return left === 0;
  };
}
