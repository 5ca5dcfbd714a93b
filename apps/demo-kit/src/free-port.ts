import { createServer } from 'node:net';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** What is wrong, and the line to type instead: flags go to the demo, and not to npm, behind `--`. */
const sentences: Readonly<Record<string, (address: Address, command: string) => string>> = {
  EADDRINUSE: ({ host, port }, command) =>
    `Port ${port} of ${host} is in use: stop what runs there, or choose another: ${command} -- --port ${otherPort(port)}`,
  EACCES: ({ port }, command) =>
    `Port ${port} may not be used by this user: choose one above 1023: ${command} -- --port 3000`,
  EADDRNOTAVAIL: ({ host }, command) =>
    `${host} is not an address of this machine: choose one: ${command} -- --host 127.0.0.1`,
  ENOTFOUND: ({ host }, command) => `${host} is not a known address: choose one: ${command} -- --host 127.0.0.1`,
};

function otherPort(port: number): number {
  return port === 65_535 ? 3000 : port + 1;
}

/**
 * Tries the address before any worker starts, and turns port 0 into the number that all workers share.
 * @param command what starts the demo, for example `npm start`
 * @returns the port to listen on
 */
export function freePort({ host, port }: Address, command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const sentence = sentences[error.code ?? ''];
      reject(sentence === undefined ? error : new Error(sentence({ host, port }, command), { cause: error }));
    });
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}
