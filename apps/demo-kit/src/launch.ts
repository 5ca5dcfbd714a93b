import cluster from 'node:cluster';
import type { RequestListener } from 'node:http';
import type { Sessions } from '@sess/core';
import type { Demo } from './demo.ts';
import { UsageError, launchOptions, usage } from './launch-options.ts';
import { runPrimary } from './primary.ts';
import { runWorker } from './worker.ts';

export interface DemoApp {
  /** As people write it, for example `Express`. */
  readonly framework: string;
  /** What starts it, for example `npm start`: for sentences that say how to start it otherwise. */
  readonly command: string;
  /** It runs as it was built for production, so its processes run with NODE_ENV=production. */
  readonly isBuilt?: boolean;
  createListener(parts: { sessions: Sessions; demo: Demo }): RequestListener | Promise<RequestListener>;
}

/** Runs the app in several worker processes, until a signal stops it. The primary answers no request itself. */
export function launch(app: DemoApp): void {
  const fail = (error: unknown): void => {
    const isUsage = error instanceof UsageError;
    console.error(isUsage ? `${error.message}\n\n${usage}` : error instanceof Error ? error.message : error);
    process.exitCode = isUsage ? 2 : 1;
  };

  try {
    const options = launchOptions(process.argv.slice(2), process.env);
    if (options === 'help') console.log(usage);
    else if (cluster.isPrimary) runPrimary(app, options).catch(fail);
    else runWorker(app, options);
  } catch (error) {
    fail(error);
  }
}
