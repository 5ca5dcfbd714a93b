import { once } from 'node:events';
import http, { type RequestListener } from 'node:http';
import https from 'node:https';

export interface WebServer {
  readonly port: number;
  /** How many connections were made. */
  readonly connections: number;
  close(): Promise<void>;
}

/** A server on a free port of all addresses, over TLS where a key is given. */
export async function serve(listener: RequestListener, tls?: { key: string; cert: string }): Promise<WebServer> {
  const server = tls === undefined ? http.createServer(listener) : https.createServer(tls, listener);
  let connections = 0;
  server.on('connection', () => (connections += 1));
  server.listen(0);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    get connections() {
      return connections;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
