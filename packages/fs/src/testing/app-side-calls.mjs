// Counts the calls of the file system that this thread makes itself, and can make them fail.
import fs from 'node:fs';

export const appSide = { count: 0, isBroken: false };

for (const name of [
  'readdir',
  'lstat',
  'fstat',
  'rename',
  'mkdir',
  'unlink',
  'utimes',
  'rmdir',
  'open',
  'close',
  'write',
  'read',
]) {
  const real = fs[name];
  fs[name] = (...args) => {
    appSide.count++;
    if (!appSide.isBroken) return real(...args);
    args.at(-1)(Object.assign(new Error('called in the thread of the app'), { code: 'EAPP' }));
  };
}

/** Resolves when a call of the store is carried out by the thread of its own. */
export async function untilInThread(store) {
  for (let tries = 0; tries < 2000; tries++) {
    const before = appSide.count;
    await store.read('0'.repeat(64));
    if (appSide.count === before) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('The thread never came to be used.');
}
