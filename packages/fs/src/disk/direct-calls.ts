import fs from 'node:fs';
import type { SystemCalls } from './system-calls.ts';

/** A thread that has nothing else to do waits for the disk itself: that saves two changes of thread for each call. */
export const directCalls: SystemCalls = {
  readdir: (path) => fs.readdirSync(path),
  lstat: (path) => fs.lstatSync(path),
  fstat: (fd) => fs.fstatSync(fd),
  rename: (from, to) => fs.renameSync(from, to),
  mkdir: (path, mode) => fs.mkdirSync(path, mode),
  unlink: (path) => fs.unlinkSync(path),
  utimes: (path, at) => fs.utimesSync(path, at, at),
  rmdir: (path) => fs.rmdirSync(path),
  open: (path, flags, mode) => fs.openSync(path, flags, mode),
  close: (fd) => fs.closeSync(fd),
  write: (fd, bytes, from) => fs.writeSync(fd, bytes, from, bytes.length - from, from),
  read: (fd, bytes, from) => fs.readSync(fd, bytes, from, bytes.length - from, from),
  fsync: (fd) => fs.fsyncSync(fd),
  fdatasync: (fd) => fs.fdatasyncSync(fd),

  // A lock on a disk that hangs must take no thread of the pool either.
  locks: {
    mkdir: (path, done) => tell(done, () => fs.mkdirSync(path)),
    stat: (path, done) => tell(done, () => fs.statSync(path)),
    utimes: (path, atime, mtime, done) => tell(done, () => fs.utimesSync(path, atime, mtime)),
    rmdir: (path, done) => tell(done, () => fs.rmdirSync(path)),
    rmdirSync: (path) => fs.rmdirSync(path),
  },
};

/** Calls back later, as its callers expect. */
function tell<T>(done: (error: Error | null, value: T) => void, act: () => T): void {
  let error: Error | null = null;
  let value: T;
  try {
    value = act();
  } catch (thrown) {
    if (!(thrown instanceof Error)) throw thrown;
    error = thrown;
  }
  process.nextTick(() => done(error, value));
}
