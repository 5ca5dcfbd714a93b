import cluster, { type Worker } from 'node:cluster';
import { randomBytes } from 'node:crypto';
import { freePort } from './free-port.ts';
import type { DemoApp } from './demo-app.ts';
import type { LaunchOptions } from './launch-options.ts';
import { type WorkerMessage, isWorkerMessage } from './messages.ts';
import { stopOnSignal } from './stop-on-signal.ts';

/** A worker that lived longer than this died of something else than its start. */
const steadyAfterMs = 2_000;
const firstRestartMs = 100;
const slowestRestartMs = 5_000;
/** Workers stop by themselves within 5 s; this is for one that hangs. */
const killAfterMs = 6_000;

/** Development is what a demo runs in, unless it was built; a production start without a secret still has to start. */
function workerEnvironment(env: NodeJS.ProcessEnv, isBuilt: boolean): NodeJS.ProcessEnv {
  const given = env['NODE_ENV'] ?? '';
  const set: NodeJS.ProcessEnv = { NODE_ENV: isBuilt ? 'production' : given === '' ? 'development' : given };
  if (set['NODE_ENV'] === 'production' && (env['SECRET_KEY'] ?? '') === '') {
    set['SECRET_KEY'] = randomBytes(32).toString('hex');
    console.log('No SECRET_KEY is set: made one for this run. A restart logs everybody out.');
  }
  return set;
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Starts the workers, keeps them running, and stops with them. */
export async function runPrimary(app: DemoApp, options: LaunchOptions): Promise<void> {
  const { framework, command, isBuilt = false } = app;
  const port = await freePort(options, command);
  const environment = { ...workerEnvironment(process.env, isBuilt), DEMO_PORT: String(port) };
  const workers = new Map<number, Worker>();
  const serving = new Set<number>();
  const said = new Set<string>();
  let announced = false;
  let stopping = false;

  // In turn: the operating system's own choice gives most connections to few workers.
  cluster.schedulingPolicy = cluster.SCHED_RR;

  const repeatOnce = (level: 'info' | 'warn', line: string): void => {
    // Every worker says the same at its start; a restarted one says it again.
    if (said.has(line)) return;
    said.add(line);
    console[level](line);
  };

  const announce = (store: string, why: string): void => {
    if (announced || serving.size < options.workers) return;
    announced = true;
    const crew = `${options.workers} ${options.workers === 1 ? 'worker' : 'workers'}`;
    console.log(`${framework} demo: ${urlOf(options.host, port)} (${crew})`);
    console.log(`Store: ${store}. ${why}`);
  };

  const hear = (slot: number, message: WorkerMessage): void => {
    switch (message.type) {
      case 'said':
        return repeatOnce(message.level, message.line);
      case 'serving':
        serving.add(slot);
        return announce(message.store, message.why);
      case 'kill':
        // Before the demo runs as a whole, a worker that dies ends it.
        if (announced) workers.get(message.worker)?.process.kill('SIGKILL');
        return undefined;
      case 'cut':
        return workers.forEach((worker) => void worker.send(message));
    }
  };

  const stop = (exitCode: number): void => {
    if (stopping) return;
    stopping = true;
    process.exitCode = exitCode;
    for (const worker of workers.values()) worker.process.kill('SIGTERM');
    const kill = (): void => workers.forEach((worker) => worker.process.kill('SIGKILL'));
    setTimeout(kill, killAfterMs).unref();
  };

  const start = (slot: number, delayMs: number): void => {
    const startedAt = Date.now();
    const worker = cluster.fork({ ...environment, DEMO_WORKER: String(slot) });
    workers.set(slot, worker);
    worker.on('message', (message: unknown) => {
      if (isWorkerMessage(message)) hear(slot, message);
    });
    worker.on('exit', (code, signal) => {
      workers.delete(slot);
      if (stopping) return;
      // Before the demo ran as a whole, a failure is one of configuration: the worker has said which.
      if (!announced) return stop(1);
      const steady = Date.now() - startedAt > steadyAfterMs;
      const nextDelayMs = steady ? firstRestartMs : Math.min(delayMs * 2, slowestRestartMs);
      console.log(`Worker ${slot} (pid ${worker.process.pid}) died: ${signal ?? `exit ${code}`}. Starting another.`);
      setTimeout(() => {
        if (!stopping) start(slot, nextDelayMs);
      }, nextDelayMs);
    });
  };

  stopOnSignal(() => stop(0));
  for (let slot = 1; slot <= options.workers; slot += 1) start(slot, firstRestartMs);
}
