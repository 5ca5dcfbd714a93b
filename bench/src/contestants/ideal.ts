import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import fs from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Redis } from 'ioredis';
import {
  type Act,
  type Contestant,
  type RunningContestant,
  actOf,
  countOne,
  loggedIn,
  readOne,
  secret,
  seedBytes,
} from '../contestant.ts';
import { type Data, dataOf } from '../data.ts';

/** What nobody can do without: one HMAC, one read, one JSON.parse; for a write one JSON.stringify and one write. */
export interface RawStore {
  read(id: string): Promise<string | null>;
  write(id: string, text: string): Promise<unknown>;
  create(id: string, text: string): Promise<unknown>;
  close?(): Promise<void>;
}

function signatureOf(id: string): string {
  return createHmac('sha256', secret).update(id).digest('base64url');
}

/** `sid=<43 characters>.<43 characters>` */
function idOf(request: IncomingMessage): string | undefined {
  const cookie = request.headers.cookie;
  if (cookie === undefined || !cookie.startsWith('sid=')) return undefined;
  const id = cookie.slice(4, 47);
  const given = Buffer.from(cookie.slice(48));
  const right = Buffer.from(signatureOf(id));
  return given.length === right.length && timingSafeEqual(given, right) ? id : undefined;
}

async function answer(store: RawStore, act: Act, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (act === 'login' || act === 'seed') {
    const id = randomBytes(32).toString('base64url');
    await store.create(id, JSON.stringify(act === 'login' ? loggedIn : dataOf(seedBytes(request.url))));
    response.setHeader('Set-Cookie', `sid=${id}.${signatureOf(id)}; Path=/; HttpOnly; SameSite=Lax`);
    response.end('ok');
    return;
  }
  const id = idOf(request);
  if (id === undefined) {
    response.end('ok');
    return;
  }
  const session = JSON.parse((await store.read(id)) ?? '{}') as Data;
  if (act === 'count') {
    const text = countOne(session);
    await store.write(id, JSON.stringify(session));
    response.end(text);
  } else {
    response.end(act === 'read' ? readOne(session) : 'ok');
  }
}

export function running(store: RawStore): RunningContestant {
  return {
    listener: (request, response) => void answer(store, actOf(request.url), request, response),
    ...(store.close && { close: store.close }),
  };
}

/** One HMAC, one GET and one SET of ioredis. */
export const idealRedis: Contestant = {
  name: 'ideal (Redis)',
  floor: 'bare',
  async start({ redisUrl }) {
    const redis = new Redis(redisUrl);
    const write = (id: string, text: string) => redis.set(`raw:${id}`, text, 'EX', 86_400);
    return running({
      read: (id) => redis.get(`raw:${id}`),
      write,
      create: write,
      async close() {
        redis.disconnect();
      },
    });
  },
};

/**
 * The calls of the layout of `@sess/fs`, and nothing besides: a directory, in it a token, in it a data file and one to
 * write the next record into. Whoever finds that another was faster tries again.
 */
export const rawFiles: Contestant = {
  name: 'raw calls (files)',
  floor: 'bare',
  async start({ directory }) {
    return running(layoutIn(directory));
  },
};

/** The same for 3 requests at a time, as `@sess/fs` lets them in: a disk that hangs must not take all threads. */
export const rawFilesInTurn: Contestant = {
  name: 'raw calls (files), 3 at a time',
  floor: 'bare',
  async start({ directory }) {
    const { read, write, create } = layoutIn(directory);
    const inTurn = atMost(3);
    return running({
      read: (id) => inTurn(() => read(id)),
      write: (id, text) => inTurn(() => write(id, text)),
      create: (id, text) => inTurn(() => create(id, text)),
    });
  },
};

function atMost(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let atWork = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (atWork < most) atWork += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) atWork -= 1;
      else next();
    }
  };
}

function layoutIn(directory: string): RawStore {
  let count = 0;
  const placeOf = (id: string) => `${directory}/${id}`;
  const tokenIn = (place: string) =>
    new Promise<string>((resolve, reject) =>
      fs.readdir(place, (error, names) => (error ? reject(error) : resolve(names[0] ?? ''))),
    );
  const newToken = () => `cur_1767225600000_1767139200000_${(count += 1)}`;
  return {
    async read(id) {
      const place = placeOf(id);
      return untilThere(async () => {
        const token = await tokenIn(place);
        return textOf(`${place}/${token}/data_${token.slice(32)}`);
      });
    },
    async write(id, text) {
      const place = placeOf(id);
      await untilThere(async () => {
        const token = await tokenIn(place);
        const next = newToken();
        const file = `${place}/${token}/data_${next.slice(32)}`;
        const hasSpare = await thereOrNot(callback((done) => fs.rename(`${place}/${token}/spare`, file, done)));
        await (hasSpare ? writeOver(file, text) : callback((done) => fs.writeFile(file, text, done)));
        await callback((done) => fs.rename(`${place}/${token}`, `${place}/${next}`, done));
        const [before, spare] = [`${place}/${next}/data_${token.slice(32)}`, `${place}/${next}/spare`];
        await callback((done) => fs.rename(before, spare, done));
      });
    },
    async create(id, text) {
      const token = newToken();
      const filled = `${directory}/new_${id}`;
      await callback((done) => fs.mkdir(filled, done));
      await callback((done) => fs.mkdir(`${filled}/${token}`, done));
      await callback((done) => fs.writeFile(`${filled}/${token}/data_${token.slice(32)}`, text, done));
      await callback((done) => fs.rename(filled, placeOf(id), done));
    },
  };
}

/** No layout at all: a file for each session, written beside and renamed. */
export const rawFile: Contestant = {
  name: 'raw readFile, write + rename',
  floor: 'bare',
  async start({ directory }) {
    let count = 0;
    async function write(id: string, text: string): Promise<void> {
      const beside = `${directory}/${id}.${(count += 1)}`;
      await callback((done) => fs.writeFile(beside, text, done));
      await callback((done) => fs.rename(beside, `${directory}/${id}`, done));
    }
    return running({
      read: (id) => textOf(`${directory}/${id}`),
      write,
      create: write,
    });
  },
};

function callback(start: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
}

function writeOver(file: string, text: string): Promise<void> {
  return new Promise((resolve, reject) =>
    fs.open(file, 'r+', (error, fd) => {
      if (error) return reject(error);
      fs.write(fd, text, 0, (fault) => fs.close(fd, (other) => (fault || other ? reject(fault ?? other) : resolve())));
    }),
  );
}

async function thereOrNot(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function textOf(file: string): Promise<string> {
  return new Promise((resolve, reject) =>
    fs.readFile(file, 'utf8', (error, text) => (error ? reject(error) : resolve(text))),
  );
}

async function untilThere<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
