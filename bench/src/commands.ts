import type { Redis } from 'ioredis';

/** What clients send to Redis while something is done, without what scripts call inside: seen by MONITOR. */
export async function countCommands(admin: Redis, work: () => Promise<unknown>): Promise<number> {
  const monitor = await admin.monitor();
  let count = 0;
  const end = `end-${process.pid}-${performance.now()}`;
  const ended = new Promise<void>((resolve) => {
    monitor.on('monitor', (_time: string, args: string[], source: string) => {
      if (args[1] === end) resolve();
      else if (source !== 'lua') count += 1;
    });
  });
  await work();
  await admin.echo(end);
  await ended;
  monitor.disconnect();
  return count;
}
