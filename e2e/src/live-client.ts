import { io } from 'socket.io-client';
import { WebSocket } from 'ws';

/** A live connection as its client sees it. */
export interface LiveClient {
  /** The first thing that the server said. */
  readonly greeting: string;
  /** How the server ended it; `undefined` while it is open. */
  end: string | undefined;
  close(): void;
}

/** Opens a connection. Rejects where the server refuses it. */
export type Connect = (url: string, cookie: string) => Promise<LiveClient>;

export const bySocketIo: Connect = (url, cookie) => {
  const socket = io(url, { transports: ['websocket'], extraHeaders: { cookie }, reconnection: false, forceNew: true });
  return new Promise((resolve, reject) => {
    socket.once('connect_error', (error) => {
      socket.disconnect();
      reject(error);
    });
    socket.once('hello', (owner: string) => {
      const client: LiveClient = { greeting: `hello ${owner}`, end: undefined, close: () => void socket.disconnect() };
      socket.once('disconnect', (reason) => (client.end = reason));
      resolve(client);
    });
  });
};

export const byWebSocket: Connect = (url, cookie) => {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers: { cookie } });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('message', (greeting: Buffer) => {
      const client: LiveClient = { greeting: greeting.toString(), end: undefined, close: () => socket.terminate() };
      socket.once('close', (code) => (client.end = String(code)));
      resolve(client);
    });
  });
};

export const byEventStream: Connect = async (url, cookie) => {
  const abort = new AbortController();
  const answer = await fetch(`${url}/events`, { headers: { cookie }, signal: abort.signal });
  if (answer.status !== 200 || answer.body === null) throw new Error(`status ${answer.status}`);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  const { value: greeting = '' } = await reader.read();
  const client: LiveClient = { greeting, end: undefined, close: () => abort.abort() };
  const rest = async (): Promise<void> => {
    let last = '';
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) last = piece.value;
    client.end = last;
  };
  rest().catch(() => {});
  return client;
};
