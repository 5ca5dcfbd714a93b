/**
 * The text of an answer that `@hono/node-server` still holds as such. Asked for its body, or for anything else but status
 * and headers, it becomes a `Response` of Node.js with a stream, which costs a request some 40 us (of 165 for a read, of 296
 * for a write, on Node.js 20).
 *
 * @returns `undefined` for other answers, other servers, and should that server change: then the body is asked for
 */
export function textOf(answer: Response): string | undefined {
  const symbol = Object.getOwnPropertySymbols(answer).find(({ description }) => description === 'cache');
  const held: unknown = symbol && Reflect.get(answer, symbol);
  const text: unknown = Array.isArray(held) ? held[1] : undefined;
  // Who names a transfer coding wants a stream.
  return typeof text === 'string' && !answer.headers.has('Transfer-Encoding') ? text : undefined;
}
