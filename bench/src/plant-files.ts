import { execFile, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onAllProcessors } from './processors.ts';

/** Shards of the layout: the first two digits of a key. */
export const shards: readonly string[] = Array.from({ length: 256 }, (_, number) =>
  number.toString(16).padStart(2, '0'),
);

/**
 * Adds so many sessions to a directory. In two processes, which do not wait for each other in a shard: each has its
 * half of them. What costs is the kernel's work: three files or directories for each session.
 */
export async function plantFiles(directory: string, sessions: number): Promise<void> {
  const half = Math.floor(sessions / 2);
  await Promise.all([inProcess(directory, half, 0), inProcess(directory, sessions - half, shards.length / 2)]);
}

/**
 * Has ext4 spread the shards over the whole disk, instead of filling it from where the directory lies: there others have
 * just removed files, and without a journal ext4 looks at each of their inodes again for every new one, for minutes.
 * Elsewhere there is no such attribute, and nothing happens.
 */
export async function spreadShards(directory: string): Promise<void> {
  await promisify(execFile)('chattr', ['+T', directory]).catch(() => {});
}

/**
 * Waits until the disk has what was planted, and the times at which each directory was read. Else the kernel writes that
 * meanwhile, on the processor of what is measured next too: every five seconds it takes up what has been dirty for thirty,
 * and where that is half a million inodes, whoever opens a file waits for 80 ms, computing in the kernel.
 */
export async function settle(): Promise<void> {
  await promisify(execFile)(...onAllProcessors('sync', []));
}

/** What all of it takes on the disk. */
export async function bytesOnDisk(directory: string): Promise<number> {
  const halves = [shards.slice(0, shards.length / 2), shards.slice(shards.length / 2)];
  const sums = await Promise.all(
    halves.map(async (half) => {
      const paths = half.map((shard) => `${directory}/${shard}`);
      const { stdout } = await promisify(execFile)(...onAllProcessors('du', ['-scB1', ...paths]));
      return Number(/(\d+)\ttotal\n$/.exec(stdout)?.[1]);
    }),
  );
  return sums.reduce((total, sum) => total + sum, 0);
}

function inProcess(directory: string, sessions: number, firstShard: number): Promise<void> {
  const [execPath, execArgv] = onAllProcessors(process.execPath, []);
  return new Promise((resolve, reject) => {
    const args = [directory, String(sessions), String(firstShard)];
    const child = fork(fileURLToPath(import.meta.url), args, { execPath, execArgv });
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`The process ended with code ${code}.`))));
  });
}

/** Sessions as the store lays them out, in half of the shards; nobody reads them, so that their data is no record. */
function plant(directory: string, count: number, firstShard: number): void {
  const now = Date.now();
  const data = 'x'.repeat(300);
  const half = shards.slice(firstShard, firstShard + shards.length / 2);
  for (const shard of half) fs.mkdirSync(`${directory}/${shard}`, { recursive: true, mode: 0o700 });
  for (let made = 0; made < count; made += 1) {
    const shard = half[Math.floor(Math.random() * half.length)] ?? '';
    const key = `${shard}${randomBytes(31).toString('hex')}`;
    const id = `${now.toString(36)}-${key.slice(0, 16)}`;
    const session = `${directory}/${shard}/${key}`;
    const token = `${session}/cur_${now + 86_400_000}_${now}_${id}_${key.slice(16, 32)}`;
    fs.mkdirSync(session, 0o700);
    fs.mkdirSync(token, 0o700);
    fs.writeFileSync(`${token}/data_${id}`, data);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [directory = '', sessions = '0', firstShard = '0'] = process.argv.slice(2);
  plant(directory, Number(sessions), Number(firstShard));
  process.exit();
}
