import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';

import { isFirstWarning } from '../first-warning.ts';
import type { Logger } from '../logger.ts';

/** Each of these headers shows that there is a proxy: then the browser's own connection cannot be seen from here. */
const marks = [
  'forwarded',
  'x-forwarded-proto',
  'x-forwarded-for',
  'x-forwarded-ssl',
  'front-end-https',
  'via',
  'cf-visitor',
];

/**
 * Anybody can send such a header: this decides about a line in the log and nothing else. Requests that did not come over
 * a connection (a serverless function's, a mock's) have no socket of node's, and tell nothing.
 */
function isPlainHttp({ socket, headers }: IncomingMessage): boolean {
  return (
    socket instanceof Duplex &&
    Reflect.get(socket, 'encrypted') !== true &&
    marks.every((name) => headers[name] === undefined)
  );
}

/**
 * Warns once where a Secure cookie leaves over plain http: browsers drop it without a word, and nobody stays logged in.
 */
export function plainHttpWarning(cookieName: string, logger: Logger): (request: IncomingMessage) => void {
  return (request) => {
    if (!isPlainHttp(request) || !isFirstWarning('plain http')) return;
    logger.warn(
      `Session warning: the cookie ${cookieName} is Secure, and it is sent over plain http: browsers drop it, and every request begins a new session. Serve the app over TLS. If a proxy does, let it say so: X-Forwarded-Proto: https.`,
    );
  };
}
