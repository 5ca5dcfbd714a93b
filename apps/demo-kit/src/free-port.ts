import { createServer } from 'node:net';

const sentences: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) => `Port ${port} of ${host} is in use: stop what runs there, or choose one with --port.`,
  EACCES: (_host, port) => `Port ${port} may not be used by this user: choose one above 1023 with --port.`,
  EADDRNOTAVAIL: (host) => `${host} is not an address of this machine: choose one with --host.`,
  ENOTFOUND: (host) => `${host} is not a known address: choose one with --host.`,
};

/**
 * Tries the address before any worker starts, and turns port 0 into the number that all workers share.
 * @returns the port to listen on
 */
export function freePort({ host, port }: { host: string; port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const sentence = sentences[error.code ?? ''];
      reject(sentence === undefined ? error : new Error(sentence(host, port), { cause: error }));
    });
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}
