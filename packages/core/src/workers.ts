import cluster from 'node:cluster';

import { type Environment, variable } from './environment.ts';

/** Whether this process is one of several: node:cluster, or PM2. */
export function hasSiblings(env: Environment): boolean {
  return cluster.isWorker || variable(env, 'NODE_APP_INSTANCE') !== undefined || variable(env, 'pm_id') !== undefined;
}

/** Whether this process is alone, or the one that was started first. One that replaces a worker has a number of its own. */
export function isFirstWorker(env: Environment): boolean {
  if (cluster.worker !== undefined) return cluster.worker.id === 1;
  return (variable(env, 'NODE_APP_INSTANCE') ?? '0') === '0';
}
