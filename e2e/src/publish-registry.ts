import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A real registry, of our own: our packages are its own, all others it fetches from the one that npm is set to. */
export interface Registry {
  readonly url: string;
  /** An `.npmrc` that names it and may publish. */
  readonly publisherConfig: string;
  /** An `.npmrc` that names it. */
  readonly userConfig: string;
  /** What was asked of it so far: `PUT /@sess%2fcore`. */
  requests(): string[];
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL('../fixtures/publish/registry.mjs', import.meta.url));

/** A setting of npm's own; `undefined` where it has none. */
function npmSetting(name: string): string | undefined {
  const value = execFileSync('npm', ['config', 'get', name], { encoding: 'utf8', stdio: 'pipe' }).trim();
  return /^(null|undefined|)$/.test(value) ? undefined : value;
}

/** What npm trusts beside Node.js's own list, the registry has to trust too: without it each fetched package is a 404. */
function environment(): NodeJS.ProcessEnv {
  const cafile = npmSetting('cafile');
  return cafile === undefined ? process.env : { ...process.env, NODE_EXTRA_CA_CERTS: cafile };
}

function configuration(directory: string): string {
  const uplink = npmSetting('registry');
  return JSON.stringify({
    storage: join(directory, 'storage'),
    auth: { htpasswd: { file: join(directory, 'htpasswd'), max_users: 10 } },
    // By default two answers that do not come make it refuse everything for five minutes.
    uplinks: { upstream: { url: uplink, timeout: '60s', maxage: '1h', max_fails: 20, fail_timeout: '1s' } },
    // After a release a package may ask for another one whose new version a mirror does not know yet.
    filters: { '@verdaccio/package-filter': { minAgeDays: 7, allow: [{ scope: '@sess' }] } },
    packages: {
      '@sess/*': { access: '$all', publish: '$authenticated' },
      '**': { access: '$all', proxy: 'upstream' },
    },
    web: { enable: false },
    log: { type: 'stdout', format: 'json', level: 'http' },
  });
}

/** Its log, a line each request. */
function requestsIn(log: string): string[] {
  return log.split('\n').flatMap((line) => {
    const entry: unknown = line.startsWith('{') ? JSON.parse(line) : {};
    const request: unknown = Reflect.get(Object(entry), 'request');
    const { method, url } = Object(request) as { method?: string; url?: string };
    return method === undefined ? [] : [`${method} ${url}`];
  });
}

async function newToken(url: string): Promise<string> {
  const answer = await fetch(`${url}/-/user/org.couchdb.user:publisher`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'publisher', password: crypto.randomUUID() }),
  });
  const token: unknown = Reflect.get(Object(await answer.json()), 'token');
  if (typeof token !== 'string') throw new Error(`The registry gave no token: ${answer.status}`);
  return token;
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

export async function startRegistry(): Promise<Registry> {
  const directory = mkdtempSync(join(tmpdir(), 'sess-registry-'));
  mkdirSync(join(directory, 'storage'));
  // JSON is YAML too.
  const configurationFile = join(directory, 'config.yaml');
  writeFileSync(configurationFile, configuration(directory));

  const child = fork(program, [configurationFile], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: environment(),
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const stop = async (): Promise<void> => {
    await stopProcess(child);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const [port] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error(`The registry has ended: ${log}`))),
    ])) as [number];
    const url = `http://127.0.0.1:${port}`;
    const token = await newToken(url);
    const userConfig = join(directory, 'user.npmrc');
    const publisherConfig = join(directory, 'publisher.npmrc');
    const settings = [`registry=${url}/`, 'update-notifier=false', 'fund=false', 'audit=false', ''];
    writeFileSync(userConfig, settings.join('\n'));
    writeFileSync(publisherConfig, [...settings, `//127.0.0.1:${port}/:_authToken=${token}`, ''].join('\n'));
    return { url, userConfig, publisherConfig, requests: () => requestsIn(log), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
