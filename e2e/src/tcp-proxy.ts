import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

/** Stands between the workers and a server: counts what they send, and spoils the connections. */
export interface TcpProxy {
  readonly port: number;
  /** The port that connections lead to from now on. */
  target: number;
  /** Answers come this much later, in their order. */
  delayMs: number;
  /** While set, connections swallow everything, both ways, and stay so for ever: no FIN, no RST. */
  isSwallowing: boolean;
  /** A connection on which this text is sent is swallowed from then on: one that subscribes, say. */
  swallowsAt: string | undefined;
  /**
   * What becomes of every n-th answer: `drop` and `cut` lose all or half of it, and reset the connection; `garble` says
   * something else in its place; `trickle` sends it in small pieces, a millisecond apart.
   */
  spoils: Spoils | undefined;
  /** What the workers have sent since {@link forget}. */
  readonly sentBytes: number;
  /** How often they have sent something since they last heard something: round trips, when there is one connection. */
  readonly turns: number;
  /** How many pieces of data it held back, swallowed or spoiled, and how many connections it has reset. */
  readonly faults: number;
  forget(): void;
  /** Ends all connections with a reset. */
  reset(): void;
  dispose(): Promise<void>;
}

export interface Spoils {
  readonly how: 'drop' | 'cut' | 'garble' | 'trickle';
  readonly every: number;
}

const trickledBytes = 32;

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
  let answers = 0;

  const isLost = (pair: Pair): boolean => {
    pair.isSwallowed ||= proxy.isSwallowing;
    if (pair.isSwallowed) faults += 1;
    return pair.isSwallowed;
  };

  const answer = (pair: Pair, piece: Buffer): void => {
    answers += 1;
    const { spoils } = proxy;
    if (spoils !== undefined && answers % spoils.every === 0) spoil(pair, piece, spoils.how);
    else sendOn(pair, piece, proxy.delayMs);
  };

  const sendOn = (pair: Pair, piece: Buffer, delayMs: number): void => {
    if (delayMs > 0) faults += 1;
    pair.late.push({ piece, dueAt: performance.now() + delayMs });
    if (pair.late.length === 1) deliver(pair);
  };

  const spoil = (pair: Pair, piece: Buffer, how: Spoils['how']): void => {
    faults += 1;
    const { client } = pair;
    if (how === 'drop') client.resetAndDestroy();
    else if (how === 'cut') client.write(piece.subarray(0, piece.length / 2), () => client.resetAndDestroy());
    else if (how === 'garble') sendOn(pair, Buffer.from('this is no answer of a Redis\r\n'), 0);
    else {
      for (let at = 0; at < piece.length; at += trickledBytes) {
        sendOn(pair, piece.subarray(at, at + trickledBytes), 1 + at / trickledBytes);
      }
    }
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
    const pair: Pair = { client, server: connect(proxy.target, '127.0.0.1'), isSwallowed: false, late: [] };
    const { server } = pair;
    pairs.add(pair);
    client.setNoDelay(true);
    server.setNoDelay(true);
    client.on('data', (piece) => {
      sentBytes += piece.length;
      if (!isTheirTurn) turns += 1;
      isTheirTurn = true;
      if (proxy.swallowsAt !== undefined && piece.includes(proxy.swallowsAt)) pair.isSwallowed = true;
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
    target,
    delayMs: 0,
    isSwallowing: false,
    swallowsAt: undefined,
    spoils: undefined,
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
