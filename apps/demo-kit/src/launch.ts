import cluster from 'node:cluster';
import type { DemoApp } from './demo-app.ts';
import { UsageError, launchOptions, usage } from './launch-options.ts';
import { runPrimary } from './primary.ts';
import { runWorker } from './worker.ts';

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
