import fs from 'node:fs';
import type { SessionKey } from '@sess/core';
import { systemClock } from '@sess/core/internal/thread';
import { systemCalls } from './calls-in-use.ts';
import { largestBytes } from '../layout/record.ts';
import { corrupt } from '../layout/unreadable.ts';
import { afterCommit, errorCode, isMissing } from './faults.ts';
import type { Soon } from './system-calls.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;

/** A FIFO that somebody put in a file's place must not make `open` wait; a link must not lead elsewhere. */
const reading = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
const creating = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;

const directoryMode = 0o700;
const fileMode = 0o600;

export async function namesIn(directory: string): Promise<string[]> {
  return systemCalls().readdir(directory);
}

/** The names in a directory; none when it is not there. */
export async function namesIfAny(directory: string): Promise<string[]> {
  try {
    return await namesIn(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

export async function statusOf(path: string): Promise<fs.Stats> {
  return systemCalls().lstat(path);
}

export async function rename(from: string, to: string): Promise<void> {
  return systemCalls().rename(from, to);
}

/** Answers whether the name was there. */
export function renameIfThere(from: string, to: string): Promise<boolean> {
  return wasThere(() => systemCalls().rename(from, to));
}

export async function makeDirectory(path: string): Promise<void> {
  return systemCalls().mkdir(path, directoryMode);
}

export async function makeDirectoryIfMissing(path: string): Promise<void> {
  try {
    await makeDirectory(path);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}

/** Answers whether the name was there. */
export function unlink(path: string): Promise<boolean> {
  return wasThere(() => systemCalls().unlink(path));
}

/** Makes a file or directory look new to a cleaner of old files. Answers whether the name was there. */
export function renewTimes(path: string): Promise<boolean> {
  return wasThere(() => systemCalls().utimes(path, new Date(systemClock())));
}

/** Removes a directory if it is empty; leaves it, and all that is in it, if not. */
export async function removeIfEmpty(path: string): Promise<boolean> {
  try {
    return await wasThere(() => systemCalls().rmdir(path));
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

async function wasThere(act: () => Soon<void>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function open(path: string, flags: number): Soon<number> {
  return systemCalls().open(path, flags, fileMode);
}

function close(fd: number): Soon<void> {
  return systemCalls().close(fd);
}

/** Writes a file that is not there yet. When it fails nothing of it is left, as far as that is possible. */
export async function writeNew(path: string, bytes: Uint8Array, fsync: boolean): Promise<void> {
  const fd = await open(path, creating);
  await closedOrRemoved(path, fd, () => fill(fd, bytes, fsync));
}

async function fill(fd: number, bytes: Uint8Array, fsync: boolean): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await systemCalls().write(fd, bytes, done);
  // `fdatasync` covers the length. It leaves out the times, which need not survive a power cut.
  if (fsync) await systemCalls().fdatasync(fd);
}

async function closedOrRemoved<T>(path: string, fd: number, work: () => Promise<T>): Promise<T> {
  try {
    try {
      return await work();
    } finally {
      await close(fd);
    }
  } catch (error) {
    await quietly(unlink(path));
    throw error;
  }
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const fd = await open(path, O_RDONLY);
  try {
    await systemCalls().fsync(fd);
  } finally {
    await close(fd);
  }
}

/** The same after a commit, which has taken place whatever the disk says. */
export async function confirmed(path: string): Promise<void> {
  try {
    await syncDirectory(path);
  } catch (error) {
    throw afterCommit(error);
  }
}

/** A link, a socket, a file where the stamp should be. */
const notAFile = new Set(['ELOOP', 'EMLINK', 'ENXIO', 'ENOTDIR']);

export interface WholeFile {
  bytes: Buffer;
  /** When it was changed last (`ctime`). */
  changedAt: number;
}

/**
 * The whole of a file, or `undefined` when it is not there.
 *
 * @throws SessError `STORE_CORRUPT` when it is not a plain file of our own
 */
export async function readWhole(path: string, key: SessionKey): Promise<WholeFile | undefined> {
  let fd: number;
  try {
    fd = await open(path, reading);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return undefined;
    if (code !== undefined && notAFile.has(code)) throw corrupt(key, 'its data file is not a file', error);
    throw error;
  }
  try {
    const stats = await systemCalls().fstat(fd);
    const reason = strange(stats);
    if (reason !== undefined) throw corrupt(key, reason);
    return { bytes: await readAll(fd, stats.size), changedAt: stats.ctimeMs };
  } finally {
    await close(fd);
  }
}

function strange(stats: fs.Stats): string | undefined {
  if (!stats.isFile()) return 'its data file is not a file';
  if (stats.uid !== process.geteuid?.()) return 'its data file belongs to another user';
  return stats.size > largestBytes ? 'its data file is larger than any session' : undefined;
}

async function readAll(fd: number, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size);
  let done = 0;
  while (done < size) {
    const count = await systemCalls().read(fd, bytes, done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

/** Removes a directory and what is in it. Another one may do the same at the same time. */
export async function removeTree(directory: string): Promise<void> {
  for (const name of await namesIfAny(directory)) {
    const path = `${directory}/${name}`;
    try {
      await unlink(path);
    } catch (error) {
      // What Linux and macOS say of a directory.
      if (!['EISDIR', 'EPERM'].includes(errorCode(error) ?? '')) throw error;
      await removeTree(path);
    }
  }
  await removeIfEmpty(directory);
}

/** For clearing up: what cannot be removed now is left to the sweep. */
export async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
}
