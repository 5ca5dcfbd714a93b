import { execFileSync, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { fsStore } from '@sess/fs';

export interface ScaleRow {
  sessions: number;
  readUs: number;
  writeUs: number;
  diskBytes: number;
  /** CPU seconds of a walk that lists each directory, also those of the tokens, and does nothing else. */
  walkCpuSeconds: number;
  sweepCpuSeconds: number;
  sweepSeconds: number;
  /** The longest stall of the event loop in a sweep, in milliseconds. */
  stallMs: number;
}

/** Fills a directory with so many sessions, in processes of their own: a million take a minute or two. */
export async function plantFiles(directory: string, sessions: number): Promise<void> {
  const planted = sessions - visited;
  const half = Math.floor(planted / 2);
  await Promise.all([half, planted - half].map((count) => inChild(directory, count, 'plant')));
}

/** What a session costs among so many, which have been planted. In a process of its own. */
export async function filesAtScale(directory: string, sessions: number): Promise<ScaleRow> {
  return (await inChild(directory, sessions, 'measure')) as ScaleRow;
}

function inChild(directory: string, sessions: number, work: 'plant' | 'measure'): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [directory, String(sessions), work]);
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`The process ended with code ${code}.`)));
  });
}

/** Sessions that the visits go to. They are there in addition to those that were planted. */
const visited = 1000;

async function measure(directory: string, sessions: number): Promise<ScaleRow> {
  const store = fsStore({ directory, sweepEveryMs: 0 });
  const keys = Array.from({ length: visited }, () => randomBytes(32).toString('hex'));
  const now = Date.now();
  const times = { touchedAt: now, expiresAt: now + 86_400_000 };
  const fields = { userId: '"8b6f0d8e4c1a4f7e9d2b5a60"', views: '1', profile: JSON.stringify('x'.repeat(220)) };
  for (const key of keys) await store.create(key, { fields, createdAt: now, ...times });

  let at = 0;
  const nextKey = () => keys[(at += 1) % keys.length] ?? '';
  const readUs = await cpuOfEach(3000, () => store.read(nextKey()));
  const writeUs = await cpuOfEach(3000, () => store.update(nextKey(), { ...times, set: { views: String(at) } }));
  const diskBytes = Number(execFileSync('du', ['-sB1', directory], { encoding: 'utf8' }).split('\t')[0]) / sessions;

  const walkCpuSeconds = await cpuSeconds(() => bareWalk(directory));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const started = performance.now();
  const sweepCpuSeconds = await cpuSeconds(async () => {
    const { kept } = await store.sweep();
    if (kept !== sessions) throw new Error(`The sweep saw ${kept} sessions of ${sessions}: the layout has changed.`);
  });
  const sweepSeconds = (performance.now() - started) / 1000;
  delay.disable();
  await store.close();
  const stallMs = delay.max / 1e6;
  return { sessions, readUs, writeUs, diskBytes, walkCpuSeconds, sweepCpuSeconds, sweepSeconds, stallMs };
}

/** Sessions as the store lays them out, in shards that are there; nobody reads them, so that their data is no record. */
function plant(directory: string, count: number, now: number): void {
  const data = 'x'.repeat(300);
  for (let shard = 0; shard < 256; shard += 1)
    fs.mkdirSync(`${directory}/${shard.toString(16).padStart(2, '0')}`, { recursive: true, mode: 0o700 });
  for (let made = 0; made < count; made += 1) {
    const key = randomBytes(32).toString('hex');
    const shard = `${directory}/${key.slice(0, 2)}`;
    const id = `${now.toString(36)}-${key.slice(0, 16)}`;
    const token = `${shard}/${key}/cur_${now + 86_400_000}_${now}_${id}_${key.slice(16, 32)}`;
    fs.mkdirSync(`${shard}/${key}`, 0o700);
    fs.mkdirSync(token, 0o700);
    fs.writeFileSync(`${token}/data_${id}`, data);
  }
}

/** Each session has two directories: its own, and in it its token. */
async function bareWalk(directory: string): Promise<void> {
  for (const shard of await list(directory)) {
    if (shard.length !== 2) continue;
    for (const key of await list(`${directory}/${shard}`)) {
      const session = `${directory}/${shard}/${key}`;
      for (const token of await list(session)) await list(`${session}/${token}`);
    }
  }
}

function list(directory: string): Promise<string[]> {
  return new Promise((resolve, reject) =>
    fs.readdir(directory, (error, names) => (error ? reject(error) : resolve(names))),
  );
}

async function cpuSeconds(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

async function cpuOfEach(count: number, work: () => Promise<unknown>): Promise<number> {
  for (let done = 0; done < count; done += 1) await work();
  const seconds = await cpuSeconds(async () => {
    for (let done = 0; done < count; done += 1) await work();
  });
  return (seconds * 1e6) / count;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [directory = '', sessions = '0', work] = process.argv.slice(2);
  if (work === 'plant') plant(directory, Number(sessions), Date.now());
  const row = work === 'measure' ? await measure(directory, Number(sessions)) : 'planted';
  process.send?.(row, () => process.exit(0));
}
