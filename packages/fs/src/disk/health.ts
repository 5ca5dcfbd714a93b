import fs from 'node:fs';
import { realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Finding } from '@sess/core';
import { statusOf } from './files.ts';
import { type SessionDirectory, refuseForeignShards } from './directory.ts';

/** `f_type` of Linux's statfs(2). */
const networkFileSystems = new Map<number, string>([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x0bd00bd0, 'Lustre'],
  [0x01021997, '9p'],
]);

const memoryFileSystems = new Set([0x01021994, 0x858458f6]);

const lowBytes = 100 * 1024 * 1024;
const lowShare = 0.05;
/** Each session takes three. */
const lowFiles = 10_000;

/** @throws SessError `FS_DIRECTORY` where a part of it belongs to another user */
export async function checkDirectory(directory: SessionDirectory): Promise<Finding[]> {
  await directory.verify();
  await refuseForeignShards(directory);
  const { path } = directory;
  const { mode } = await statusOf(path);
  const temporary = await realpath(tmpdir()).catch(tmpdir);
  const { type, bavail, blocks, bsize, files, ffree } = await statfs(path);
  return [
    ...accessFindings(path, mode),
    ...kindFindings(path, type, temporary),
    ...roomFindings({ bavail, blocks, bsize, files, ffree }),
  ];
}

function statfs(path: string): Promise<fs.StatsFs> {
  return new Promise((resolve, reject) => fs.statfs(path, (error, stats) => (error ? reject(error) : resolve(stats))));
}

function* accessFindings(path: string, mode: number): Generator<Finding> {
  if ((mode & 0o077) === 0) return;
  yield {
    code: 'FS_MODE',
    severity: 'error',
    text: `Other users can enter the session directory ${path}.`,
    fix: `chmod 700 ${path}`,
  };
}

function* kindFindings(path: string, type: number, temporary: string): Generator<Finding> {
  if (path.startsWith(`${temporary}/`)) {
    yield {
      code: 'FS_TEMP',
      severity: 'note',
      text: `The session directory ${path} is in the system's temporary directory, which may be cleared at a restart, or lose files that look old.`,
      fix: 'In production name one that nobody clears: SESSION_DIR=/var/lib/your-app/sessions',
    };
  }
  // On macOS the numbers mean something else.
  if (process.platform !== 'linux') return;
  const network = networkFileSystems.get(type >>> 0);
  if (network !== undefined) {
    yield {
      code: 'FS_NETWORK',
      severity: 'error',
      text: `The session directory ${path} is on a network file system (${network}), where what one host renames another may not see.`,
      fix: 'Name a directory on a local disk, or use @sess/redis for several hosts.',
    };
  }
  if (memoryFileSystems.has(type >>> 0)) {
    yield {
      code: 'FS_MEMORY',
      severity: 'note',
      text: `The session directory ${path} is in memory: a restart of the machine ends all sessions.`,
      fix: 'Name a directory on a disk if sessions are to outlive it.',
    };
  }
}

type Room = Pick<fs.StatsFs, 'bavail' | 'blocks' | 'bsize' | 'files' | 'ffree'>;

function* roomFindings({ bavail, blocks, bsize, files, ffree }: Room): Generator<Finding> {
  if (bavail * bsize < lowBytes || bavail < blocks * lowShare) {
    yield {
      code: 'FS_SPACE',
      severity: 'warning',
      text: `The disk of the session directory is nearly full: ${Math.floor((bavail * bsize) / 1024 / 1024)} MiB are left.`,
      fix: 'Free disk space: when it is full nobody can log in.',
    };
  }
  // Some file systems make inodes as they need them, and report none.
  if (files > 0 && (ffree < lowFiles || ffree < files * lowShare)) {
    yield {
      code: 'FS_INODES',
      severity: 'warning',
      text: `The file system of the session directory has ${ffree} inodes left, enough for ${Math.floor(ffree / 3)} sessions.`,
      fix: 'Remove small files, or use a file system with more inodes.',
    };
  }
}
