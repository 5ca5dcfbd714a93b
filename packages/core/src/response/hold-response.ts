import type { ServerResponse } from 'node:http';

import type { HeadArguments } from './response-head.ts';
import { ResponseHold } from './response-hold.ts';
import type { ResponseWork } from './response-work.ts';

/**
 * Holds a response back: nothing of it leaves before the session is committed, headers included.
 * To the app it looks as always. 1xx answers pass.
 *
 * Works on `node:http` and on http2's compatibility layer, beside others that replace the methods of
 * a response, whether they came before or come after; and on others' responses, see `isHoldable`.
 */
export function holdResponse(response: ServerResponse, work: ResponseWork): void {
  const hold = new ResponseHold(response, work);
  const writeHead = (...args: HeadArguments) => hold.writeHead(args);
  const flushHeaders = () => hold.flushHeaders();
  const write = (...args: unknown[]) => hold.write(args);
  const end = (...args: unknown[]) => hold.end(args);
  // By name: V8 takes a function that is written where it is assigned to a property for a method that stays, and makes
  // it old at birth. Then each request lives until the next full collection, and the garbage collector costs ten times
  // as much.
  response.writeHead = writeHead;
  response.write = write;
  response.end = end;
  // An imitation may lack these, and then no app calls them.
  if ('flushHeaders' in response) response.flushHeaders = flushHeaders;
  if ('cork' in response) {
    response.cork = hold.corking('cork');
    response.uncork = hold.corking('uncork');
  }
  if (work.handOver !== undefined) {
    const isWrapped = () => response.writeHead !== writeHead || response.write !== write || response.end !== end;
    hold.isWrapped = isWrapped;
  }
  // Before the app's own listeners, which may be older: an access log looks at the session.
  response.prependListener('close', () => hold.close());
}
