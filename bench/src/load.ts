import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const script = fileURLToPath(new URL('../load.lua', import.meta.url));

/** What wrk saw. */
export interface LoadReport {
  requests: number;
  durationUs: number;
  p50Us: number;
  p99Us: number;
  failed: number;
}

export interface LoadPlan {
  port: number;
  path: string;
  /** A file with one `Cookie` header a line. */
  cookieFile?: string;
  connections: number;
  seconds: number;
  /** The processor for wrk; Linux only. */
  core?: number | undefined;
}

/** Loads a server with wrk, from one thread. */
export async function load({ port, path, cookieFile, connections, seconds, core }: LoadPlan): Promise<LoadReport> {
  const wrk = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, `http://127.0.0.1:${port}`, '--', path];
  if (cookieFile !== undefined) wrk.push(cookieFile);
  const [program = '', ...args] = core === undefined ? wrk : ['taskset', '-c', String(core), ...wrk];
  const { stdout } = await run(program, args);
  const line = /^RESULT (.*)$/m.exec(stdout)?.[1];
  if (line === undefined) throw new Error(`wrk said something else:\n${stdout}`);
  return JSON.parse(line) as LoadReport;
}
