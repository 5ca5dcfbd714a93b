import { type Server, createServer } from 'node:http';
import type { Sessions } from '@sess/core';
import { besideApp } from './beside-app.ts';
import { createDemoSessions, memorySessions } from './demo-sessions.ts';
import { createDemo } from './demo.ts';
import type { DemoApp } from './demo-app.ts';
import type { LaunchOptions } from './launch-options.ts';
import { isCutMessage, tellPrimary } from './messages.ts';
import { stopOnSignal } from './stop-on-signal.ts';

const stopWithinMs = 5_000;

/** The workers say the same at their start, so the primary says it for all of them. Errors are each worker's own. */
const logger = {
  info: (line: string): void => tellPrimary({ type: 'said', level: 'info', line }),
  warn: (line: string): void => tellPrimary({ type: 'said', level: 'warn', line }),
  error: (line: string): void => console.error(line),
};

async function stop(server: Server, sessions: Sessions): Promise<void> {
  setTimeout(() => process.exit(1), stopWithinMs).unref();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  await sessions.close();
  process.exit(0);
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
}

async function serve(app: DemoApp, options: LaunchOptions): Promise<void> {
  // The same in every framework, also in one that only runs as production: the demo is served over plain http.
  const cookie = options.isBehindTls ? {} : { name: 'sid', secure: false };
  const { sessions, store, why, cut } = await createDemoSessions(options.store, process.env, { logger, cookie });
  await sessions.ready();
  process.on('message', (message: unknown) => {
    if (isCutMessage(message)) cut(message.forMs);
  });

  const demo = createDemo({ sessions, store, framework: app.framework, why, workers: options.workers });
  const isBeside = besideApp(memorySessions(process.env, options.isBehindTls));
  const listener = await app.createListener({ sessions, demo });
  const server = createServer((request, response) => {
    if (!isBeside(request, response)) listener(request, response);
  });
  // A browser keeps its connections, and so its worker. This demo wants every request to meet any of them.
  server.maxRequestsPerSocket = 1;

  stopOnSignal(() => void stop(server, sessions));
  await listen(server, Number(process.env['DEMO_PORT'] ?? options.port), options.host);
  tellPrimary({ type: 'serving', store, why });
}

export function runWorker(app: DemoApp, options: LaunchOptions): void {
  serve(app, options).catch((error: unknown) => {
    const sentence = error instanceof Error ? error.message : String(error);
    logger.warn(`The demo could not start: ${sentence}`);
    // Not at once: the sentence is still on its way to the primary.
    setTimeout(() => process.exit(1), 100);
  });
}
