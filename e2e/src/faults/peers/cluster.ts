import cluster from 'node:cluster';
import { type RequestListener, createServer } from 'node:http';
import { freePort } from '../../redis-server.ts';

/** As the demos do it: three workers, and another one for each that ends. Says where it listens. */
export function runPeer(name: string, createListener: () => Promise<RequestListener>): void {
  if (cluster.isPrimary) void runPrimary(name);
  else void runWorker(createListener);
}

const workers = 3;

async function runPrimary(name: string): Promise<void> {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  const port = String(await freePort());
  let serving = 0;
  let isStopping = false;
  const start = (): void => {
    const worker = cluster.fork({ PEER_PORT: port });
    worker.on('listening', () => {
      serving += 1;
      if (serving === workers) console.log(`${name} demo: http://127.0.0.1:${port}`);
    });
    worker.on('exit', (code, signal) => {
      if (isStopping) return;
      console.log(`Worker (pid ${worker.process.pid}) died: ${signal ?? `exit ${code}`}. Starting another.`);
      setTimeout(start, 100);
    });
  };
  process.once('SIGTERM', () => {
    isStopping = true;
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL');
  });
  for (let count = 0; count < workers; count += 1) start();
}

async function runWorker(createListener: () => Promise<RequestListener>): Promise<void> {
  const server = createServer(await createListener());
  server.maxRequestsPerSocket = 1;
  server.listen(Number(process.env['PEER_PORT']), '127.0.0.1');
}
