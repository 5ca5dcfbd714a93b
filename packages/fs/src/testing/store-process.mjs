// A process with a store on the built package, which does what it is told over the IPC channel.
import { pbkdf2 } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import fs, { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { appSide, untilInThread } from './app-side-calls.mjs';
import { appStore } from './app-store.mjs';

const built = import(process.env.SESS_FS_BUILT ?? '../../dist/index.js');
let store;
let isStopped = false;

const minuteMs = 60_000;

const calls = {
  async open(options) {
    const { fsStore } = await built;
    store = appStore(fsStore({ sweepEveryMs: 0, ...options }));
  },
  untilInThread: () => untilInThread(store),
  /** How many calls of the file system this thread itself has made. */
  appSideCalls: () => appSide.count,
  lookUp: async () => (await lookup('localhost')).address !== '',
  /** Gives up being root. */
  become(uid) {
    process.setgroups([]);
    process.setgid(uid);
    process.setuid(uid);
  },
  umask: (mask) => void process.umask(mask),
  /** Blocks the event loop. */
  stall(ms) {
    const end = Date.now() + ms;
    while (Date.now() < end);
  },
  /** Does something else with the thread pool. */
  hash: () => new Promise((resolve) => pbkdf2('a', 'b', 1, 32, 'sha256', () => resolve('done'))),
  /** From now on opening a FIFO waits for its writer, in a thread of the pool: like a file on a disk that hangs. */
  hangOnFifos() {
    const { open } = fs;
    fs.open = (path, flags, mode, done) => open(path, flags & ~fs.constants.O_NONBLOCK, mode, done);
  },
  /** Many calls at once: how often each ended in which way. */
  async flood(count, key) {
    const ends = {};
    const add = (end) => (ends[end] = (ends[end] ?? 0) + 1);
    const one = () =>
      store.read(key).then(
        () => add('answered'),
        (error) => add(error.code),
      );
    await Promise.all(Array.from({ length: count }, one));
    return ends;
  },
  /** Writes a file again where it lies, in two steps. */
  async overwrite(path) {
    const content = readFileSync(path);
    const file = await open(path, 'w');
    await file.write(content, 0, 10, 0);
    await file.write(content, 10, content.length - 10, 10);
    await file.close();
  },
  contend,
  contendNaively,
  stop() {
    isStopped = true;
  },
};

/**
 * Counts in a session, until it is stopped, as one who merges what each conflict tells. The session holds the sum of all, and how
 * much each has added; what was acknowledged is told at once. After a fault, whose outcome is not
 * known, it goes on under another name.
 */
async function contend(key, name) {
  let id = name;
  let own = 0;
  let faults = 0;
  let longestMs = 0;
  while (!isStopped) {
    try {
      const startedAt = performance.now();
      let stored = await store.stored(key);
      for (;;) {
        const { record, version } = stored;
        const { sum } = record.fields;
        const fields = { ...record.fields, sum: String(Number(sum ?? '0') + 1), [`by ${id}`]: String(own + 1) };
        const now = Date.now();
        const next = { ...record, fields, touchedAt: now, expiresAt: now + 10 * minuteMs };
        const outcome = await store.replace(key, version, next);
        if (outcome.verdict === 'replaced') break;
        ({ stored } = outcome);
      }
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      own++;
      process.send({ acknowledged: own, by: id });
    } catch (error) {
      if (error.code !== 'STORE_TIMEOUT') throw error;
      faults++;
      id = `${name}-${faults}`;
      own = 0;
    }
  }
  return { faults, longestMs };
}

/** The same as a store does it that reads, changes and writes: with an atomic rename, and no comparison. */
async function contendNaively(path, name) {
  let own = 0;
  while (!isStopped) {
    const fields = JSON.parse(readFileSync(path, 'utf8'));
    await new Promise((resolve) => setImmediate(resolve));
    own++;
    fields.sum = String(Number(fields.sum ?? '0') + 1);
    fields[`by ${name}`] = String(own);
    writeFileSync(`${path}.${name}`, JSON.stringify(fields));
    renameSync(`${path}.${name}`, path);
    process.send({ acknowledged: own, by: name });
  }
}

async function answer({ id, call, args }) {
  try {
    const value = call in calls ? await calls[call](...args) : await store[call](...args);
    process.send({ id, value });
  } catch (error) {
    const { name, code, message } = error;
    process.send({ id, error: { name, code, message } });
  }
}

process.on('message', (message) => void answer(message));

process.on('disconnect', () => process.exit());
