import type { Stats } from 'node:fs';

/** What a call answers: at once, or when a thread of the pool has done it. `await` takes either. */
export type Soon<T> = T | Promise<T>;

type Done<T> = (error: Error | null, value: T) => void;

/** What proper-lockfile needs of `node:fs`. */
export interface LockCalls {
  mkdir(path: string, done: Done<void>): void;
  stat(path: string, done: Done<Stats>): void;
  utimes(path: string, atime: Date, mtime: Date, done: Done<void>): void;
  rmdir(path: string, done: Done<void>): void;
  rmdirSync(path: string): void;
}

/** The calls of the file system that all work of the store is made of. */
export interface SystemCalls {
  readdir(path: string): Soon<string[]>;
  lstat(path: string): Soon<Stats>;
  fstat(fd: number): Soon<Stats>;
  rename(from: string, to: string): Soon<void>;
  mkdir(path: string, mode: number): Soon<void>;
  unlink(path: string): Soon<void>;
  utimes(path: string, at: Date): Soon<void>;
  rmdir(path: string): Soon<void>;
  open(path: string, flags: number, mode: number): Soon<number>;
  close(fd: number): Soon<void>;
  /** Answers how many bytes it was, of those from `from` on. They lie at the same place in the file. */
  write(fd: number, bytes: Uint8Array, from: number): Soon<number>;
  read(fd: number, bytes: Uint8Array, from: number): Soon<number>;
  fsync(fd: number): Soon<void>;
  fdatasync(fd: number): Soon<void>;
  locks: LockCalls;
}
