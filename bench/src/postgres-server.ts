import { readFileSync } from 'node:fs';
import { type PostgresServer, startPostgres } from '@sess/postgres-server';
import type { MeasuredServer } from './measured-server.ts';

/** A PostgreSQL of our own as Debian configures it: commits wait for the disk. */
export interface OwnPostgres extends MeasuredServer {
  url: string;
  close(): Promise<void>;
}

const asInstalled = ['fsync=on', 'shared_buffers=128MB', 'max_connections=100'];

/** `core`: the processor that it is pinned to; Linux only. */
export async function startOwnPostgres(core?: number): Promise<OwnPostgres> {
  const startedBy = core === undefined ? [] : ['taskset', '-c', String(core)];
  const server = await startPostgres({ settings: asInstalled, startedBy });
  return {
    url: server.url,
    used: async () => ({ cpuUs: cpuOfFamily(server), bytes: Number.NaN }),
    async commandsDuring(work) {
      await work();
      return Number.NaN;
    },
    close: () => server.dispose(),
  };
}

/** Of the server and of the processes that it has made, one for each connection and some more. */
function cpuOfFamily({ pid }: PostgresServer): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  // In nanoseconds. Of those that have ended there are only hundredths of a second.
  const cpuNs = (one: string) => Number(readFileSync(`/proc/${one}/schedstat`, 'utf8').split(' ')[0]);
  const running = [String(pid), ...children].reduce((sum, one) => sum + cpuNs(one), 0);
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return running / 1000 + (Number(fields[13]) + Number(fields[14])) * 10_000;
}
