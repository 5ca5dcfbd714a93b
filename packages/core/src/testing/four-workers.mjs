// Four workers of node:cluster whose app is given no secret.
import cluster from 'node:cluster';

if (cluster.isPrimary) for (let count = 0; count < 4; count += 1) cluster.fork();
else {
  const { createSessions, memoryStore } = await import(new URL('../../dist/index.js', import.meta.url).href);
  createSessions({ store: memoryStore(), env: { SESSION_DIR: process.argv[2] } });
  cluster.worker.disconnect();
}
