import { setTimeout as pause } from 'node:timers/promises';
import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { send } from '../http-client.ts';
import { until } from '../redis-server.ts';
import type { Browser } from './browser.ts';
import { type Fault, type Scene, goesOn } from './fault.ts';
import { logIn } from './load.ts';
import type { Storage } from './storage.ts';

const frozenMs = 3_000;

/** What may happen to the processes of an app, whatever its store. */
export function faultsOfWorkers<S extends Storage>(storage: () => Promise<S>): Fault<S>[] {
  return [
    {
      id: 'F2',
      name: 'workers are killed under load',
      isForFrameworks: true,
      isForPeers: true,
      how: 'SIGKILL to a random worker, four times',
      storage,
      ends: 'killed',
      rules: { breaksConnections: true },
      lastsMs: 0,
      expects: goesOn,
      begin: (scene) => signalWorkers(scene, 'SIGKILL', 4),
    },
    {
      id: 'F36',
      name: 'workers are asked to stop under load',
      how: 'SIGTERM to a random worker, four times',
      storage,
      ends: 'stopped',
      lastsMs: 0,
      expects: goesOn,
      begin: (scene) => signalWorkers(scene, 'SIGTERM', 4),
    },
    {
      id: 'F30',
      name: 'a worker is frozen in the middle of its requests',
      how: `SIGSTOP, SIGCONT after ${frozenMs / 1_000} s`,
      storage,
      // Who was dealt to that worker waits for it: no other process could answer.
      rules: { latestMs: 5_000 + frozenMs },
      lastsMs: frozenMs,
      expects: goesOn,
      async begin({ workers, random }) {
        const victim = random.pick(await workers());
        process.kill(victim, 'SIGSTOP');
        return async () => {
          process.kill(victim, 'SIGCONT');
          return 'a worker stood still';
        };
      },
    },
    {
      id: 'F31',
      name: 'the processor is taken away',
      how: 'two busy loops, and SIGSTOP of random workers for 200 ms',
      storage,
      lastsMs: 0,
      expects: goesOn,
      async begin({ workers, random }) {
        const busy = [0, 1].map(() => spawn(process.execPath, ['-e', 'for(;;);'], { stdio: 'ignore' }));
        try {
          const all = await workers();
          for (let time = 0; time < 5; time += 1) {
            const victim = random.pick(all);
            process.kill(victim, 'SIGSTOP');
            await pause(200);
            process.kill(victim, 'SIGCONT');
            await pause(100);
          }
        } finally {
          for (const child of busy) child.kill('SIGKILL');
        }
        return async () => 'five times';
      },
    },
    {
      id: 'F38',
      name: 'a hundred requests of one session at once, beside the others',
      isForPeers: true,
      how: 'three times 100 counts',
      storage,
      lastsMs: 0,
      expects: goesOn,
      async begin({ load }) {
        const bystanders = await load.bystanders(3);
        for (const { browser } of bystanders) {
          await Promise.all(Array.from({ length: 100 }, () => browser.count()));
        }
        return async () => '300 counts';
      },
    },
    {
      id: 'F38',
      name: 'a logout while a save of its session is on its way',
      isForPeers: true,
      how: 'a save that takes 80 ms, a logout after 20, its cookie once more; ten times in each of five browsers',
      storage,
      lastsMs: 0,
      expects: goesOn,
      async begin({ load }) {
        const bystanders = await load.bystanders(5);
        const overtaken = await Promise.all(bystanders.map(({ browser }) => logOutBesideSaves(browser, 10)));
        const times = overtaken.reduce((sum, count) => sum + count, 0);
        if (times === 0) throw new Error('No logout has overtaken a save.');
        return async () => `${times} logouts were answered before the save`;
      },
    },
    {
      id: 'F27',
      name: 'a session grows until it is refused',
      how: 'values of 90 KB, each under a key of its own',
      storage,
      lastsMs: 0,
      expects: goesOn,
      async begin({ load, app }) {
        const [bystander] = await load.bystanders(1);
        const value = JSON.stringify({ value: 'x'.repeat(90_000) });
        const headers = { 'Content-Type': 'application/json' };
        for (let stored = 0, asked = 0; asked < 60; asked += 1) {
          const ask = { method: 'POST', cookie: bystander?.browser.cookie, headers, body: value } as const;
          const { status, text } = await send(`${app.url}/api/set/large-${stored}`, ask);
          if (text.includes('SESSION_TOO_LARGE')) return async () => `refused after ${stored} of them`;
          if (status === 200) stored += 1;
          else if (status !== 503) throw new Error(`It was answered ${status}: ${text}`);
        }
        throw new Error('Nothing was refused.');
      },
    },
    {
      id: 'F37',
      name: 'clients go away before they are answered',
      how: 'sockets destroyed after 0 to 20 ms, 200 times',
      storage,
      lastsMs: 0,
      expects: goesOn,
      async begin({ load, app, random }) {
        const [bystander] = await load.bystanders(1);
        const cookie = bystander?.browser.cookie ?? '';
        for (let time = 0; time < 200; time += 1) {
          const path = random.pick(['/api/me', '/api/get/colour', '/api/set/left', '/']);
          const method = path === '/api/set/left' ? 'POST' : random.pick(['GET', 'HEAD']);
          const headers = { Cookie: cookie, 'Content-Type': 'application/json' };
          const leaving = request(app.url + path, { method, agent: false, headers });
          leaving.on('error', () => {});
          leaving.end(method === 'POST' ? `{"value":${time}}` : undefined);
          await pause(random.below(20));
          leaving.destroy();
        }
        return async () => '200 requests nobody waited for';
      },
    },
  ];
}

/** How often the logout was confirmed while the save was on its way. */
async function logOutBesideSaves(browser: Browser, times: number): Promise<number> {
  let overtaken = 0;
  for (let time = 0; time < times; time += 1) {
    const saving = browser.set('note', 80);
    await pause(20);
    const [logout, save] = await Promise.all([browser.logout(), saving]);
    if (logout.status === 200 && logout.endedAt < save.endedAt) overtaken += 1;
    await browser.lookBack(browser.endedSessions - 1);
    await logIn([browser]);
  }
  return overtaken;
}

/** One after the other: the next one when all are back, so that somebody is there to answer. */
async function signalWorkers<S extends Storage>(
  { workers, random }: Scene<S>,
  signal: 'SIGKILL' | 'SIGTERM',
  times: number,
): Promise<() => Promise<string>> {
  const all = (await workers()).length;
  const untilBack = (): Promise<void> => until(async () => (await workers()).length === all, 60_000);
  for (let time = 0; time < times; time += 1) {
    process.kill(random.pick(await workers()), signal);
    await pause(300 + random.below(200));
    await untilBack();
  }
  return async () => `${times} workers got it`;
}
