import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';

export interface EndingProxy {
  readonly url: string;
  /** From now on connections are let through. */
  isOver: boolean;
  /** How many connections it has ended. */
  ended(): number;
  dispose(): Promise<void>;
}

/** The last message of a server that has accepted a connection: it waits for a query. */
const ready = Buffer.from('Z\0\0\0\u0005I', 'latin1');

/** What `pg_terminate_backend` makes a server say. */
function goodbye(): Buffer {
  const fields = 'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0';
  const length = Buffer.alloc(4);
  length.writeUInt32BE(fields.length + 4);
  return Buffer.concat([Buffer.from('E'), length, Buffer.from(fields)]);
}

/** Before a server: ends each connection as an administrator would, in the same piece of data that accepts it. */
export async function endingAtOnce(target: number): Promise<EndingProxy> {
  const sockets = new Set<Socket>();
  let ended = 0;
  const listener = createServer((client) => {
    const server = connect(target, '127.0.0.1');
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (piece) => server.write(piece));
    server.on('data', (piece) => {
      if (proxy.isOver || !piece.subarray(-ready.length).equals(ready)) client.write(piece);
      else {
        ended += 1;
        client.end(Buffer.concat([piece, goodbye()]));
      }
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const proxy: EndingProxy = {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    isOver: false,
    ended: () => ended,
    async dispose() {
      for (const socket of sockets) socket.destroy();
      const closed = once(listener, 'close');
      listener.close();
      await closed;
    },
  };
  return proxy;
}
