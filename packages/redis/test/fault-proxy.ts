import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';

/** Stands between a client and a server, counts what the client sends, and breaks the connection in many ways. */
export interface FaultProxy {
  readonly port: number;
  readonly url: string;
  /** Where new connections go. */
  target: number;
  /** Replies come this much later. */
  delayMs: number;
  /** Accepts connections, and ends them at once. */
  isDown: boolean;
  /** What the client has sent since {@link forget}: commands with their arguments. */
  readonly commands: readonly (readonly string[])[];
  readonly sentBytes: number;
  /** Pieces in which it came: about one for each packet. */
  readonly sentPieces: number;
  /** How often a fault was carried out. */
  readonly faults: number;
  /** A command whose reply is to be lost has not come. */
  readonly isLosing: boolean;
  forget(): void;
  /** Ends all connections with a reset. */
  reset(): void;
  /** All connections there are now swallow everything, both ways, for ever: no FIN, no RST. */
  swallow(): void;
  /** Lets the next command with this name reach the server, then loses its answer and resets the connection. */
  loseReply(command: string, meanwhile?: () => Promise<void>): void;
  /** Takes the last `loseReply` back. */
  loseNone(): void;
  /** Answers the next command with this name with nonsense. */
  garble(command: string): void;
  dispose(): Promise<void>;
}

export async function startProxy(target: number): Promise<FaultProxy> {
  const pairs = new Set<{ client: Socket; server: Socket; isSwallowed: boolean }>();
  let commands: string[][] = [];
  let sentBytes = 0;
  let sentPieces = 0;
  let faults = 0;
  let losing: { command: string; meanwhile: () => Promise<void> } | undefined;
  let garbling: string | undefined;

  const listener = createServer((client) => {
    if (proxy.isDown) {
      faults += 1;
      client.resetAndDestroy();
      return;
    }
    const pair = { client, server: connect(proxy.target, '127.0.0.1'), isSwallowed: false };
    const { server } = pair;
    pairs.add(pair);
    client.setNoDelay(true);
    server.setNoDelay(true);
    const parse = commandParser();
    let isLosing: (() => Promise<void>) | undefined;

    client.on('data', (piece) => {
      sentBytes += piece.length;
      sentPieces += 1;
      for (const command of parse(piece)) {
        commands.push(command);
        const name = command[0]?.toLowerCase();
        if (losing !== undefined && losing.command === name) {
          isLosing = losing.meanwhile;
          losing = undefined;
        }
        if (garbling === name) {
          garbling = undefined;
          faults += 1;
          client.write('HTTP/1.1 400 Bad Request\r\n\r\n');
        }
      }
      if (!pair.isSwallowed) server.write(piece);
    });
    server.on('data', (piece) => {
      if (pair.isSwallowed) return;
      if (isLosing) {
        faults += 1;
        pair.isSwallowed = true;
        void isLosing().then(() => client.resetAndDestroy());
        return;
      }
      if (proxy.delayMs === 0) client.write(piece);
      else setTimeout(() => client.writable && client.write(piece), proxy.delayMs);
    });
    const drop = () => {
      if (pair.isSwallowed && !client.destroyed) return;
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', drop).on('close', drop);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  const proxy: FaultProxy = {
    port,
    url: `redis://127.0.0.1:${port}`,
    target,
    delayMs: 0,
    isDown: false,
    get commands() {
      return commands;
    },
    get sentBytes() {
      return sentBytes;
    },
    get sentPieces() {
      return sentPieces;
    },
    get faults() {
      return faults;
    },
    get isLosing() {
      return losing !== undefined;
    },
    forget() {
      commands = [];
      sentBytes = 0;
      sentPieces = 0;
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
    loseReply(command, meanwhile = async () => {}) {
      losing = { command, meanwhile };
    },
    loseNone() {
      losing = undefined;
    },
    garble(command) {
      garbling = command;
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

/** Reads commands as clients send them: arrays of bulk strings. */
function commandParser(): (piece: Buffer) => string[][] {
  let rest = Buffer.alloc(0);
  return (piece) => {
    rest = Buffer.concat([rest, piece]);
    const found: string[][] = [];
    for (;;) {
      const command = firstCommand(rest);
      if (command === undefined) return found;
      found.push(command.parts);
      rest = rest.subarray(command.end);
    }
  };
}

function firstCommand(bytes: Buffer): { parts: string[]; end: number } | undefined {
  let at = 0;
  const line = (): string | undefined => {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const text = bytes.toString('latin1', at, end);
    at = end + 2;
    return text;
  };
  const header = line();
  if (header === undefined) return undefined;
  const parts: string[] = [];
  for (let left = Number(header.slice(1)); left > 0; left--) {
    const size = line();
    if (size === undefined) return undefined;
    const end = at + Number(size.slice(1));
    if (end + 2 > bytes.length) return undefined;
    parts.push(bytes.toString('utf8', at, end));
    at = end + 2;
  }
  return { parts, end: at };
}
