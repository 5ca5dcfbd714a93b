import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { send } from './http-client.ts';
import { freePort, until } from './redis-server.ts';

export interface MetricsApp {
  readonly url: string;
  scrape(): Promise<string>;
  /** What it printed. */
  output(): string;
  dispose(): Promise<void>;
}

/** Publishes each event once in each process that listens, so that each metric has a series. */
const publishAll = `
import { channels } from '@sess/core';
const handle = 'f'.repeat(64);
const error = new Error('for the metrics');
const durationMs = 3;
const payloads = {
  opened: ['found', 'absent', 'ended'].map((outcome) => ({ handle, outcome, durationMs })),
  committed: [true, false].map((created) => ({ handle, keys: [], created, durationMs })),
  touched: [{ handle, durationMs }],
  regenerated: [{ handle, previousHandle: handle }],
  destroyed: ['request', 'revoke'].map((by) => ({ handle, by })),
  gone: [{ handle }],
  dropped: ['ended', 'gone', 'sealed', 'abandoned'].map((reason) => ({ handle, keys: [], reason })),
  badSignature: [{ cookie: 'sid' }],
  unknownCookie: [{ handle }],
  longCookieHeader: [{ length: 20_000 }],
  ambiguousCookie: [{ handles: [handle] }],
  commitFailed: [{ handle, code: 'STORE_FULL', error }],
  conflict: [{ handle, keys: [] }],
  storeAnswered: ['read', 'create', 'replace', 'destroy'].map((operation) => ({ operation, handle, durationMs })),
  storeError: [{ operation: 'read', code: 'STORE_TIMEOUT', handle, error, durationMs }],
};
const missing = Object.keys(channels).filter((name) => payloads[name] === undefined);
if (missing.length > 0) throw new Error('no payload of ' + missing);
const timer = setInterval(() => {
  if (!channels.conflict.hasSubscribers) return;
  clearInterval(timer);
  for (const [name, each] of Object.entries(payloads)) for (const event of each) channels[name].publish(event);
}, 20).unref();
`;

/** A port that was free when it was asked for may be taken by now. */
const STARTS = 3;

/** Runs an app of the documentation, which is scraped on a port of its own. */
export async function startMetricsApp(code: string, { everyEvent }: { everyEvent: boolean }): Promise<MetricsApp> {
  const folder = mkdtempSync(join(tmpdir(), 'sess-metrics-'));
  symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(join(folder, 'app.mjs'), code);
  writeFileSync(join(folder, 'publish-all.mjs'), publishAll);
  const options = everyEvent ? ['--import', './publish-all.mjs'] : [];
  for (let start = 1; ; start += 1) {
    const app = await launch(folder, options);
    if (app !== undefined) return app;
    if (start === STARTS) throw new Error(`No free port in ${STARTS} starts.`);
  }
}

/** @returns `undefined` when its port was taken meanwhile */
async function launch(folder: string, options: readonly string[]): Promise<MetricsApp | undefined> {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const { PATH = '', HOME = '' } = process.env;
  const app = spawn(process.execPath, [...options, 'app.mjs'], {
    cwd: folder,
    // A group of its own: its workers end with it.
    detached: true,
    env: { PATH, HOME, SESSION_DIR: join(folder, 'sessions'), PORT: String(port), METRICS_PORT: String(metricsPort) },
  });
  let output = '';
  for (const stream of [app.stdout, app.stderr])
    stream.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  const hasEnded = (): boolean => app.exitCode !== null || app.signalCode !== null;
  async function stop(): Promise<void> {
    if (hasEnded() || app.pid === undefined) return;
    const ended = once(app, 'exit');
    process.kill(-app.pid, 'SIGKILL');
    await ended;
  }

  const url = `http://127.0.0.1:${port}/`;
  const scrape = async (): Promise<string> => (await send(`http://127.0.0.1:${metricsPort}/metrics`)).text;
  const answers = async (): Promise<boolean> => (await send(url)).status === 200 && (await scrape()) !== '';
  await until(async () => hasEnded() || output.includes('EADDRINUSE') || (await answers()), 60_000).catch(() => {});
  if (!hasEnded() && (await answers().catch(() => false)))
    return {
      url,
      scrape,
      output: () => output,
      async dispose() {
        await stop();
        rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
      },
    };
  await stop();
  if (output.includes('EADDRINUSE')) return undefined;
  throw new Error(`The app did not start.\n${output}`);
}
