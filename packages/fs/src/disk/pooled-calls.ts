import fs from 'node:fs';
import type { SystemCalls } from './system-calls.ts';

type Done = (error: Error | null) => void;

function act(start: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
}

/**
 * Through the thread pool, which `crypto`, `zlib` and DNS use too. These are the callback functions of node:fs, wrapped
 * thinly: those of node:fs/promises cost a third more.
 */
export const pooledCalls: SystemCalls = {
  readdir: (path) =>
    new Promise((resolve, reject) => fs.readdir(path, (error, names) => (error ? reject(error) : resolve(names)))),

  lstat: (path) =>
    new Promise((resolve, reject) => fs.lstat(path, (error, stats) => (error ? reject(error) : resolve(stats)))),

  fstat: (fd) =>
    new Promise((resolve, reject) => fs.fstat(fd, (error, stats) => (error ? reject(error) : resolve(stats)))),

  rename: (from, to) => act((done) => fs.rename(from, to, done)),
  mkdir: (path, mode) => act((done) => fs.mkdir(path, mode, done)),
  unlink: (path) => act((done) => fs.unlink(path, done)),
  utimes: (path, at) => act((done) => fs.utimes(path, at, at, done)),
  rmdir: (path) => act((done) => fs.rmdir(path, done)),

  open: (path, flags, mode) =>
    new Promise((resolve, reject) => fs.open(path, flags, mode, (error, fd) => (error ? reject(error) : resolve(fd)))),

  close: (fd) => act((done) => fs.close(fd, done)),

  write: (fd, bytes, from) =>
    new Promise((resolve, reject) =>
      fs.write(fd, bytes, from, bytes.length - from, from, (error, count) => (error ? reject(error) : resolve(count))),
    ),

  read: (fd, bytes, from) =>
    new Promise((resolve, reject) =>
      fs.read(fd, bytes, from, bytes.length - from, from, (error, count) => (error ? reject(error) : resolve(count))),
    ),

  fsync: (fd) => act((done) => fs.fsync(fd, done)),
  fdatasync: (fd) => act((done) => fs.fdatasync(fd, done)),

  locks: { mkdir: fs.mkdir, stat: fs.stat, utimes: fs.utimes, rmdir: fs.rmdir, rmdirSync: fs.rmdirSync },
};
