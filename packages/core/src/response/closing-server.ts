import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * `server.close()` destroys every connection whose response is `finished`, as a held one looks once the app has ended
 * it: a graceful shutdown would lose its answer. So the server is shown one that is not.
 * @returns what shows it the response again
 */
export function keepFromClosing(response: ServerResponse): () => void {
  const unfinished = new Proxy(response, {
    get: (target, name) => (name === 'finished' ? false : Reflect.get(target, name)),
  });
  const swap = (socket: Socket | null, from: ServerResponse, to: ServerResponse): void => {
    if (socket !== null && Reflect.get(socket, '_httpMessage') === from) Reflect.set(socket, '_httpMessage', to);
  };
  const show = (): void => swap(response.socket, response, unfinished);
  show();
  // A pipelined one has its socket when those before it are done.
  if (response.socket === null) response.once('socket', show);
  return () => {
    response.off('socket', show);
    swap(response.socket, unfinished, response);
  };
}
