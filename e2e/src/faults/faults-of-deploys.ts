import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { environmentOf, stages } from '../rotation-stages.ts';
import type { RunningDemo } from '../start-demo.ts';
import { type Fault, type Scene, goesOn, refuses } from './fault.ts';
import { dataFileOf } from './faults-of-files.ts';
import { type FilesStorage, type RedisStorage, type Storage, filesStorage, redisStorage } from './storage.ts';

const togetherMs = 800;

/** Workers of the version before and of the next one answer side by side, then those of before stop. */
async function deploy<S extends Storage>(
  { load, another }: Scene<S>,
  before: RunningDemo,
  env: Readonly<Record<string, string>>,
): Promise<RunningDemo> {
  const next = await another(env);
  load.urls = [before.url, next.url];
  await pause(togetherMs);
  load.urls = [next.url];
  // What was asked of them is still answered.
  await pause(200);
  before.process.kill('SIGTERM');
  return next;
}

export function deploysOn<S extends Storage>(storage: () => Promise<S>): Fault<S>[] {
  const [first = [''], ...later] = stages;
  return [
    {
      id: 'F33',
      name: 'the secret is rotated, in deploys with mixed workers',
      how: 'as docs/configuration.md says, and the old one removed',
      storage,
      env: environmentOf(first),
      lastsMs: 0,
      // Cookies of before the last deploy end with the old secret: it stays until they have expired, and is not removed here.
      expects: goesOn,
      async begin(scene) {
        let running = scene.app;
        const deploys = later.slice(0, -1);
        for (const stage of deploys) running = await deploy(scene, running, environmentOf(stage));
        return async () => `${deploys.length} deploys`;
      },
    },
    {
      id: 'F36',
      name: 'a deploy: other workers take over while the old ones are asked to stop',
      how: 'a second app on the same storage; SIGTERM to the first',
      storage,
      env: environmentOf(first),
      lastsMs: 300,
      expects: goesOn,
      async begin(scene) {
        await deploy(scene, scene.app, {});
        return async () => 'a deploy';
      },
    },
  ];
}

const shim = fileURLToPath(new URL('../../fixtures/set-clock.mjs', import.meta.url));
const minuteMs = 60_000;

/** Workers whose clocks differ by twenty minutes. */
export function clocksOn<S extends Storage>(storage: () => Promise<S>): Fault<S> {
  return {
    id: 'F28',
    name: 'the clock of one worker is ten minutes ahead, of another ten behind',
    how: 'Date.now moved in two workers of three',
    storage,
    // On files the end marker of a slow clock is long over by a fast one: the workers of a host have one clock in truth.
    rules: { marksEnds: false },
    env: { NODE_OPTIONS: `--import=${shim}`, FAULTS_CLOCKS: JSON.stringify([10 * minuteMs, -10 * minuteMs, 0]) },
    expects: goesOn,
    async begin({ app }) {
      const moved = app.output().split('moved its clock').length - 1;
      if (moved < 2) throw new Error(`Only ${moved} workers moved their clocks.`);
      return async () => `${moved} clocks were moved`;
    },
  };
}

const isNewer = (during: Parameters<typeof refuses>[0]): string | undefined => refuses(during) ?? goesOn(during);

export const newerRecordsInRedis: Fault<RedisStorage> = {
  id: 'F34',
  name: 'records of a newer version lie beside ours',
  how: 'the number of the format raised',
  storage: () => redisStorage(),
  expects: isNewer,
  async begin({ storage: { redis }, load }) {
    const keys = (await load.bystanders(3)).map(({ handle }) => `session:${handle}`);
    const ours = await Promise.all(keys.map((key) => redis.admin.getBuffer(key)));
    const newer = (bytes: Buffer | null): Buffer =>
      Buffer.concat([Buffer.from('2'), bytes?.subarray(1) ?? Buffer.alloc(0)]);
    for (const [at, key] of keys.entries()) await redis.admin.set(key, newer(ours[at] ?? null), 'KEEPTTL');
    return async () => {
      for (const [at, key] of keys.entries()) {
        const stands = await redis.admin.getBuffer(key);
        if (stands === null || !stands.equals(newer(ours[at] ?? null))) throw new Error('A newer record was changed.');
        await redis.admin.set(key, ours[at] ?? '', 'KEEPTTL');
      }
      return `${keys.length} records, which were left alone`;
    };
  },
};

export const newerRecordsInFiles: Fault<FilesStorage> = {
  id: 'F34',
  name: 'records of a newer version lie beside ours',
  how: 'the number of the format raised',
  storage: filesStorage,
  expects: isNewer,
  async begin({ storage: { directory }, load }) {
    const files = (await load.bystanders(3)).map(({ handle }) => dataFileOf(directory, handle));
    const ours = files.map((file) => readFileSync(file, 'latin1'));
    for (const [at, file] of files.entries()) {
      writeFileSync(file, (ours[at] ?? '').replace('sess-fs 1', 'sess-fs 2'), 'latin1');
    }
    return async () => {
      for (const [at, file] of files.entries()) {
        if (!readFileSync(file, 'latin1').startsWith('sess-fs 2')) throw new Error('A newer record was changed.');
        writeFileSync(file, ours[at] ?? '', 'latin1');
      }
      return `${files.length} records, which were left alone`;
    };
  },
};
