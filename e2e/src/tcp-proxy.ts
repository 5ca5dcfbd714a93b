import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

/** Stands between the workers and a server: counts what they send, and spoils the connections. */
export interface TcpProxy {
  readonly port: number;
  /** Answers come this much later, in their order. */
  delayMs: number;
  /** While set, connections swallow everything, both ways, and stay so for ever: no FIN, no RST. */
  isSwallowing: boolean;
  /** What the workers have sent since {@link forget}. */
  readonly sentBytes: number;
  /** How often they have sent something since they last heard something: round trips, when there is one connection. */
  readonly turns: number;
  /** How many pieces of data it held back or swallowed, and how many connections it has reset. */
  readonly faults: number;
  forget(): void;
  /** Ends all connections with a reset. */
  reset(): void;
  dispose(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  isSwallowed: boolean;
  /** Answers on their way, in their order: none may overtake another. */
  readonly late: { readonly piece: Buffer; readonly dueAt: number }[];
}

export async function startProxy(target: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let sentBytes = 0;
  let turns = 0;
  let isTheirTurn = false;
  let faults = 0;

  const isLost = (pair: Pair): boolean => {
    pair.isSwallowed ||= proxy.isSwallowing;
    if (pair.isSwallowed) faults += 1;
    return pair.isSwallowed;
  };

  const answer = (pair: Pair, piece: Buffer): void => {
    if (proxy.delayMs > 0) faults += 1;
    pair.late.push({ piece, dueAt: performance.now() + proxy.delayMs });
    if (pair.late.length === 1) deliver(pair);
  };

  const deliver = (pair: Pair): void => {
    for (let next = pair.late[0]; next !== undefined; next = pair.late[0]) {
      const waitMs = next.dueAt - performance.now();
      if (waitMs > 0) {
        setTimeout(() => deliver(pair), Math.ceil(waitMs));
        return;
      }
      pair.late.shift();
      isTheirTurn = false;
      if (pair.client.writable) pair.client.write(next.piece);
    }
  };

  const listener = createServer((client) => {
    const pair: Pair = { client, server: connect(target, '127.0.0.1'), isSwallowed: false, late: [] };
    const { server } = pair;
    pairs.add(pair);
    client.setNoDelay(true);
    server.setNoDelay(true);
    client.on('data', (piece) => {
      sentBytes += piece.length;
      if (!isTheirTurn) turns += 1;
      isTheirTurn = true;
      if (!isLost(pair)) server.write(piece);
    });
    server.on('data', (piece) => {
      if (!isLost(pair)) answer(pair, piece);
    });
    const end = (socket: Socket): void => {
      // A half-open connection does not tell one side that the other has gone.
      if (socket === server && pair.isSwallowed) return;
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', () => end(socket)).on('close', () => end(socket));
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;

  const proxy: TcpProxy = {
    port,
    delayMs: 0,
    isSwallowing: false,
    get sentBytes() {
      return sentBytes;
    },
    get turns() {
      return turns;
    },
    get faults() {
      return faults;
    },
    forget() {
      sentBytes = 0;
      turns = 0;
      isTheirTurn = false;
    },
    reset() {
      for (const { client } of pairs) {
        faults += 1;
        client.resetAndDestroy();
      }
    },
    async dispose() {
      for (const { client, server } of pairs) {
        client.destroy();
        server.destroy();
      }
      const closed = once(listener, 'close');
      listener.close();
      await closed;
    },
  };
  return proxy;
}
