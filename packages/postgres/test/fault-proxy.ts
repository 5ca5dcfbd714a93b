import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';

/** Stands between a client and a server, and breaks the connection in many ways. */
export interface FaultProxy {
  readonly port: number;
  readonly url: string;
  /** Where new connections go. */
  target: number;
  /** Answers come this much later. */
  delayMs: number;
  /** New connections swallow everything: they are there, and never get an answer. */
  swallowsNew: boolean;
  /** As PgBouncer: a connection that begins with `statement_timeout` is refused. */
  refusesSettings: boolean;
  /** How often a fault was carried out. */
  readonly faults: number;
  /** How many connections its clients hold. */
  readonly held: number;
  /** Ends all connections with a reset. */
  reset(): void;
  /** All connections there are now swallow everything, both ways, for ever: no FIN, no RST. */
  swallow(): void;
  /** Lets the next message that holds this text reach the server, then loses its answer and resets the connection. */
  loseReply(text: string, meanwhile?: () => Promise<void>): void;
  dispose(): Promise<void>;
}

/** What PgBouncer 1.18 said. */
function refusal(): Buffer {
  const fields = 'SFATAL\0C08P01\0Munsupported startup parameter: statement_timeout\0\0';
  const head = Buffer.from('E\0\0\0\0');
  head.writeUInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, Buffer.from(fields)]);
}

export async function startProxy(target: number): Promise<FaultProxy> {
  const pairs = new Set<{ client: Socket; server: Socket; isSwallowed: boolean }>();
  let faults = 0;
  let losing: { text: string; meanwhile: () => Promise<void> } | undefined;

  const listener = createServer((client) => {
    const pair = { client, server: connect(proxy.target, '127.0.0.1'), isSwallowed: proxy.swallowsNew };
    if (pair.isSwallowed) faults += 1;
    const { server } = pair;
    pairs.add(pair);
    let isLosing: (() => Promise<void>) | undefined;
    const late: Buffer[] = [];

    client.on('data', (piece) => {
      if (losing !== undefined && piece.includes(losing.text)) {
        isLosing = losing.meanwhile;
        losing = undefined;
      }
      if (proxy.refusesSettings && piece.includes('statement_timeout\0')) {
        faults += 1;
        client.end(refusal());
      } else if (!pair.isSwallowed) server.write(piece);
    });
    server.on('data', (piece) => {
      if (pair.isSwallowed) return;
      if (isLosing) {
        faults += 1;
        pair.isSwallowed = true;
        void isLosing().then(() => client.resetAndDestroy());
        return;
      }
      if (proxy.delayMs === 0 && late.length === 0) return void client.write(piece);
      late.push(piece);
      // In the order in which they came, also where the delay was changed meanwhile.
      setTimeout(() => client.writable && client.write(late.shift() ?? ''), proxy.delayMs);
    });
    const drop = () => {
      if (pair.isSwallowed && !client.destroyed) return;
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.setNoDelay(true).on('error', drop).on('close', drop);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  const proxy: FaultProxy = {
    port,
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    target,
    delayMs: 0,
    swallowsNew: false,
    refusesSettings: false,
    get faults() {
      return faults;
    },
    get held() {
      return [...pairs].filter(({ client }) => !client.destroyed).length;
    },
    reset() {
      for (const { client } of pairs) {
        faults += 1;
        client.resetAndDestroy();
      }
    },
    swallow() {
      for (const pair of pairs) {
        faults += 1;
        pair.isSwallowed = true;
      }
    },
    loseReply(text, meanwhile = async () => {}) {
      losing = { text, meanwhile };
    },
    async dispose() {
      for (const { client, server } of pairs) {
        client.destroy();
        server.destroy();
      }
      listener.close();
      await once(listener, 'close');
    },
  };
  return proxy;
}
