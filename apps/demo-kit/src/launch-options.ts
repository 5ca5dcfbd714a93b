import { parseArgs } from 'node:util';

export type StoreName = 'fs' | 'memory' | 'redis' | 'postgres' | 'cookie';
const storeNames: readonly StoreName[] = ['fs', 'memory', 'redis', 'postgres', 'cookie'];

export interface LaunchOptions {
  readonly workers: number;
  /** Absent: the library chooses from the environment. */
  readonly store: StoreName | undefined;
  readonly port: number;
  readonly host: string;
  /** Cookies are what the library makes of them: `__Host-sid` and Secure in production. */
  readonly isBehindTls: boolean;
}

/** The command line cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const usage: string = `Usage: npm start -- [options]          the Express demo
       npm run demo:koa -- [options]   the Koa demo
       npm run demo:next -- [options]  the Next.js demo
  --workers <n>    how many worker processes answer, 1 to 64 (default 4)
  --store <name>   ${storeNames.join(' | ')} (default: chosen from the environment, as in an app without options)
  --port <n>       port to listen on, 0 for any free one (default: PORT, else 3000)
  --host <name>    address to listen on (default 127.0.0.1)
  --behind-tls     a proxy in front speaks TLS: cookies with the library's own name and Secure flag
  --help           this text`;

function wholeNumber(text: string, name: string, lowest: number, highest: number): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= lowest && number <= highest) return number;
  throw new UsageError(`${name} must be a whole number from ${lowest} to ${highest}, not "${text}".`);
}

function storeOf(text: string | undefined): StoreName | undefined {
  if (text === undefined) return undefined;
  const store = storeNames.find((name) => name === text);
  if (store === undefined) throw new UsageError(`--store must be one of ${storeNames.join(', ')}, not "${text}".`);
  return store;
}

function portOf(flag: string | undefined, env: NodeJS.ProcessEnv): number {
  if (flag !== undefined) return wholeNumber(flag, '--port', 0, 65_535);
  const variable = env['PORT']?.trim();
  return variable === undefined || variable === '' ? 3000 : wholeNumber(variable, 'PORT', 0, 65_535);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        workers: { type: 'string', default: '4' },
        store: { type: 'string' },
        port: { type: 'string' },
        host: { type: 'string', default: '127.0.0.1' },
        'behind-tls': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/**
 * Reads the command line. `'help'` when it asks for the usage.
 * @throws UsageError
 */
export function launchOptions(args: readonly string[], env: NodeJS.ProcessEnv): LaunchOptions | 'help' {
  const { workers, store, port, host, 'behind-tls': isBehindTls, help } = parse(args);
  if (help) return 'help';
  if (host.trim() === '') throw new UsageError('--host must not be empty.');
  return {
    workers: wholeNumber(workers, '--workers', 1, 64),
    store: storeOf(store),
    port: portOf(port, env),
    host,
    isBehindTls,
  };
}
