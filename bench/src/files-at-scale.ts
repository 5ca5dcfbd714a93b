import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isEndMarker } from '@sess/core';
import { fsStore } from '@sess/fs';
import { type LoopFigures, watchLoop } from './loop-watch.ts';
import { bytesOnDisk, plantFiles, settle, shards, spreadShards } from './plant-files.ts';

interface Found extends LoopFigures {
  readUs: number;
  writeUs: number;
  /** CPU seconds of a walk that lists each directory, also those of the tokens, and does nothing else. */
  walkCpuSeconds: number;
  sweepCpuSeconds: number;
  sweepSeconds: number;
}

export interface ScaleRow extends Found {
  sessions: number;
  diskBytes: number;
  /** The part of the shards that the walk was made through; its figure is for all of them. */
  walked: number;
}

/** One directory with more and more sessions: what is there already is not made again for the next number. */
export interface FilesAtScale {
  /** Plants what is missing from so many, and looks at what they take on the disk. Not about CPU time. */
  fill(sessions: number): Promise<void>;
  /** What a session costs among those that are there. In a process of its own. */
  measure(): Promise<ScaleRow>;
}

export function filesAtScale(directory: string): FilesAtScale {
  let sessions = 0;
  let diskBytes = 0;
  return {
    async fill(wanted) {
      const planted = wanted - visited;
      if (sessions === 0) await spreadShards(directory);
      await plantFiles(directory, planted - sessions);
      // Before the rest is written: to read a directory for the first time makes its inode dirty.
      diskBytes = (await bytesOnDisk(directory)) / planted;
      await settle();
      sessions = planted;
    },
    async measure() {
      sessions += visited;
      const walked = sessions > 500_000 ? 0.125 : 1;
      return { sessions, diskBytes, walked, ...(await inChild(directory, sessions, walked)) };
    },
  };
}

function inChild(directory: string, sessions: number, walked: number): Promise<Found> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [directory, String(sessions), String(walked)]);
    child.once('message', (found) => resolve(found as Found));
    child.once('exit', (code) => reject(new Error(`The process ended with code ${code}.`)));
  });
}

/** Sessions that the visits go to. They are made before each measurement, and stay. */
const visited = 1000;

async function measure(directory: string, sessions: number, walked: number): Promise<Found> {
  const store = fsStore({ directory, sweepEveryMs: 0 });
  const keys = Array.from({ length: visited }, () => randomBytes(32).toString('hex'));
  const now = Date.now();
  const times = { touchedAt: now, expiresAt: now + 86_400_000 };
  const fields = { userId: '"8b6f0d8e4c1a4f7e9d2b5a60"', views: '1', profile: JSON.stringify('x'.repeat(220)) };
  const by = () => performance.now() + 60_000;
  const record = { fields, createdAt: now, ...times, writeIds: ['aaaaaaaaaaaa'] };
  for (const key of keys) await store.create(key, record, by());

  let at = 0;
  const nextKey = () => keys[(at += 1) % keys.length] ?? '';
  const readUs = await cpuOfEach(3000, () => store.read(nextKey(), by()));
  // As a request writes: it has read the session, and swaps.
  const versions = new Map<string, unknown>();
  for (const key of keys) {
    const found = await store.read(key, by());
    if (found === undefined || isEndMarker(found)) throw new Error('A session that was just made is not there.');
    versions.set(key, found.version);
  }
  const writeUs = await cpuOfEach(3000, async () => {
    const key = nextKey();
    const changed = { ...record, fields: { ...fields, views: String(at) } };
    const outcome = await store.replace(key, versions.get(key), changed, by());
    if (outcome.verdict !== 'replaced') throw new Error(`A write was answered ${outcome.verdict}.`);
    versions.set(key, outcome.version);
  });

  // One half of the walk before the sweep and one behind it, since a machine that is shared is not equally fast.
  const every = 2 / walked;
  const walkBefore = await cpuSeconds(() => bareWalk(directory, (shard) => shard % every === 0));
  const loop = watchLoop();
  const started = performance.now();
  const sweepCpuSeconds = await cpuSeconds(async () => {
    const { kept } = await store.sweep();
    if (kept !== sessions) throw new Error(`The sweep saw ${kept} sessions of ${sessions}: the layout has changed.`);
  });
  const sweepSeconds = (performance.now() - started) / 1000;
  const figures = loop.end();
  await store.close();
  const walkAfter = await cpuSeconds(() => bareWalk(directory, (shard) => shard % every === every / 2));
  const walkCpuSeconds = (walkBefore + walkAfter) / walked;
  return { readUs, writeUs, walkCpuSeconds, sweepCpuSeconds, sweepSeconds, ...figures };
}

/** Each session has two directories: its own, and in it its token. Keys are random, so that shards are alike. */
async function bareWalk(directory: string, isWalked: (shard: number) => boolean): Promise<void> {
  for (const shard of shards.filter((_, number) => isWalked(number))) {
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
  const [directory = '', sessions = '0', walked = '1'] = process.argv.slice(2);
  const found = await measure(directory, Number(sessions), Number(walked));
  process.send?.(found, () => process.exit(0));
}
