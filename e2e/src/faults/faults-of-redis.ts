import { setTimeout as pause } from 'node:timers/promises';
import { answerOf, until } from '../redis-server.ts';
import { environmentOf, stages } from '../rotation-stages.ts';
import { type Fault, goesOn, refuses } from './fault.ts';
import { type RedisStorage, redisStorage } from './storage.ts';

const storage = (): Promise<RedisStorage> => redisStorage();
const [before = ['']] = stages;

export const killedRedis: Fault<RedisStorage> = {
  id: 'F3',
  name: 'Redis is killed, and started again with what it kept',
  isForFrameworks: true,
  isForPeers: true,
  how: 'SIGKILL; append-only file',
  storage,
  expects: refuses,
  async begin({ storage: { redis } }) {
    await redis.kill();
    return async () => {
      await redis.start();
      return `${await redis.admin.dbsize()} keys were loaded`;
    };
  },
};

/** What may happen to the process of a Redis server. */
export const faultsOfRedis: readonly Fault<RedisStorage>[] = [
  killedRedis,
  {
    id: 'F4',
    name: 'Redis is killed, and starts empty',
    how: 'SIGKILL; nothing on disk',
    storage: () => redisStorage(['--maxmemory-policy', 'noeviction']),
    lastsMs: 300,
    expects: refuses,
    async begin({ storage: { redis }, load }) {
      await load.wipe(async () => {
        await redis.kill();
        await pause(700);
        await redis.start();
      });
      return async () => 'it started without a key';
    },
  },
  {
    id: 'F5',
    name: 'Redis is frozen, and thawed',
    isForPeers: true,
    how: 'SIGSTOP, SIGCONT after 2.5 s',
    storage,
    lastsMs: 2_500,
    expects: refuses,
    async begin({ storage: { redis } }) {
      redis.signal('SIGSTOP');
      return async () => {
        redis.signal('SIGCONT');
        await until(async () => (await redis.admin.ping()) === 'PONG');
        return 'it answered nobody meanwhile';
      };
    },
  },
  {
    id: 'F8',
    name: 'Redis takes a rest again and again',
    how: 'CLIENT PAUSE 400 ms, every 700 ms',
    storage,
    lastsMs: 1_500,
    expects: goesOn,
    async begin({ storage: { redis } }) {
      let pauses = 0;
      const rest = async (): Promise<void> => {
        pauses += 1;
        await redis.admin.client('PAUSE', 400, 'ALL');
      };
      const timer = setInterval(() => void rest().catch(() => {}), 700);
      return async () => {
        clearInterval(timer);
        await pause(400);
        if (pauses === 0) throw new Error('There was no pause.');
        return `${pauses} pauses`;
      };
    },
  },
  {
    id: 'F8',
    name: 'Redis is busy for longer than a command may take',
    how: 'DEBUG SLEEP 2',
    storage: () => redisStorage(['--enable-debug-command', 'yes']),
    lastsMs: 1_500,
    expects: refuses,
    async begin({ storage: { redis } }) {
      const sleep = redis.admin.call('DEBUG', 'SLEEP', '2');
      return async () => `it said ${String(await sleep)} after 2 s`;
    },
  },
  {
    id: 'F14',
    name: 'Redis is loading its data',
    how: 'restart with --key-load-delay',
    storage,
    lastsMs: 500,
    expects: refuses,
    async begin({ storage: { redis } }) {
      await redis.admin.bgrewriteaof();
      await until(async () => (await redis.admin.info('persistence')).includes('aof_rewrite_in_progress:0'));
      const delayUs = Math.ceil(2_000_000 / (await redis.admin.dbsize()));
      await redis.kill();
      await redis.start('--key-load-delay', String(delayUs), '--loading-process-events-interval-bytes', '1024');
      const said = await answerOf(redis.port);
      if (!said.includes('LOADING')) throw new Error(`It was not loading: ${said}`);
      return async () => {
        await until(async () => (await redis.admin.ping()) === 'PONG');
        return 'it said LOADING';
      };
    },
  },
  {
    id: 'F35',
    name: 'an app is started while Redis is away, and again when it is back',
    how: 'SIGKILL, a start, a start of Redis, a start',
    storage,
    // Both apps: in development each start has a directory of its own, so a secret of its own.
    env: environmentOf(before),
    lastsMs: 0,
    expects: refuses,
    async begin({ storage: { redis }, another, load }) {
      await redis.kill();
      const said = await another({}).then(
        () => 'it started',
        (error: unknown) => String(error),
      );
      if (!/could not start: .*Redis/.test(said)) throw new Error(`Without Redis: ${said}`);
      if (/initialized: (?!redis)/.test(said)) throw new Error(`It took another store: ${said}`);
      await redis.start();
      const next = await another({});
      load.urls = [...load.urls, next.url];
      return async () => 'it did not start without Redis, and named it; then it did';
    },
  },
];
