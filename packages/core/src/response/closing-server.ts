import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A connection of node:http's, with the response that it is about to carry. */
type Connection = Socket & { _httpMessage: ServerResponse | null };

/** A response as it is, but for its end. */
const unfinished: ProxyHandler<ServerResponse> = {
  get: (target, name) => (name === 'finished' ? false : Reflect.get(target, name)),
};

/**
 * `server.close()` destroys every connection whose response is `finished`, as a held one looks once the app has ended
 * it: a graceful shutdown would lose its answer. So the server is shown one that is not.
 * @returns what shows it the response again
 */
export function keepFromClosing(response: ServerResponse): () => void {
  const shown = new Proxy(response, unfinished);
  const show = (): void => swap(response.socket, response, shown);
  show();
  // A pipelined one has its socket when those before it are done.
  const waits = response.socket === null;
  if (waits) response.once('socket', show);
  return () => {
    if (waits) response.off('socket', show);
    swap(response.socket, shown, response);
  };
}

function swap(socket: Socket | null, from: ServerResponse, to: ServerResponse): void {
  const connection = socket as Connection | null;
  if (connection?._httpMessage === from) connection._httpMessage = to;
}
