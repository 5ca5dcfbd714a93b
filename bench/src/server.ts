// A contestant in a process of its own. The parent asks it for its CPU time; nothing is measured from outside.
import { createServer } from 'node:http';
import { contestantNamed } from './contestants.ts';
import { actOf } from './contestant.ts';
import { freeSomethingLarge } from './free-something-large.ts';

const [name = '', redisUrl = '', postgresUrl = '', directory = '', freed = ''] = process.argv.slice(2);
const { listener, close } = await contestantNamed(name).start({ redisUrl, postgresUrl, directory });

if (freed === 'freed') freeSomethingLarge();

let requests = 0;
const server = createServer((request, response) => {
  requests += 1;
  if (request.method === 'GET') return listener(request, response);
  // Bodies are not read: nobody sends one.
  response.writeHead(405).end(actOf(request.url));
});
// Connections of a pause between two rounds stay.
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
});

/** What the parent asks for: what was used since the start. */
export interface Sample {
  cpuUs: number;
  requests: number;
  rssBytes: number;
  heapBytes: number;
}

process.on('message', (message) => {
  if (message === 'sample' || message === 'sample after gc') {
    if (message === 'sample after gc') globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    const sample: Sample = { cpuUs: user + system, requests, rssBytes: rss, heapBytes: heapUsed };
    process.send?.(sample);
  } else if (message === 'close') {
    server.close();
    server.closeAllConnections();
    void (close?.() ?? Promise.resolve()).finally(() => process.exit(0));
  }
});
process.on('disconnect', () => process.exit(0));
