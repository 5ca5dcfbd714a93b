import type { IncomingMessage } from 'node:http';

import { isFirstWarning } from '../first-warning.ts';
import type { Logger } from '../logger.ts';

/**
 * Warns once of a response that is left alone though it can send an answer: whoever expects one to wait for its session, and
 * to carry its cookie, finds neither. What stands in a response's place at a WebSocket's handshake sends none.
 */
export function unheldNotes(logger: Logger): (request: IncomingMessage, response: unknown) => void {
  return (request, response) => {
    if (Reflect.get(request, 'upgrade') === true || typeof response !== 'object' || response === null) return;
    if (typeof Reflect.get(response, 'end') !== 'function' || !isFirstWarning('an unknown response')) return;
    const name: unknown = Reflect.get(Object(response.constructor), 'name');
    logger.warn(
      `Session warning: a response of the class ${String(name)} is not held back, since it lacks methods that a response of Node.js has. It gets no session cookie: a new session refuses changes (HEADERS_SENT), and changes of a stored one need an explicit save().`,
    );
  };
}
