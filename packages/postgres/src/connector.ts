import pg from 'pg';
import { poolInLine } from './pool-in-line.ts';
import { poolOfApp } from './pool-of-app.ts';
import type { Lender } from './postgres-pool.ts';
import { type CheckedOptions, invalid } from './store-options.ts';

interface Connector {
  connect(isPooled: boolean): Lender;
  /** Makes a connection beside the pool. `undefined` with a user's pool, which must not lack one for good. */
  newClient: (() => pg.Client) | undefined;
  /** Where it leads, without a secret. */
  where: string;
}

/** How the store gets its connections. */
export function connectorOf(options: CheckedOptions): Connector {
  const { pool, url, tls, connections, timeoutMs } = options;
  if (pool !== undefined) {
    const lender = poolOfApp(pool);
    return { connect: () => lender, newClient: undefined, where: 'your pool' };
  }
  const settings = {
    connectionString: url,
    ...(tls !== undefined && { ssl: tls }),
    max: connections,
    connectionTimeoutMillis: timeoutMs,
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: true,
    keepAlive: true,
    fallback_application_name: 'sess',
  };
  return {
    where: whereOf(settings),
    newClient: () => new pg.Client({ ...settings, query_timeout: timeoutMs }),
    connect(isPooled) {
      // A statement that nobody waits for any more ends on the server too, and frees its connection.
      const made = new pg.Pool(isPooled ? settings : { ...settings, statement_timeout: timeoutMs, pipeline: true });
      // An idle connection that ends is made anew; without a listener its error would end the process.
      made.on('error', ignored);
      // The pool removes its own listener from a connection before the store adds one. Without this one, a server that
      // ends a connection at once after accepting it would end the process.
      made.on('connect', (client) => client.on('error', ignored));
      return poolInLine(made, connections, !isPooled);
    },
  };
}

/** A statement that met the error fails with it; without a statement nothing is lost. */
function ignored(): void {}

function whereOf(settings: pg.ClientConfig): string {
  try {
    const { host, port, database } = new pg.Client(settings);
    return `${host}:${port}/${database ?? ''}`;
  } catch (cause) {
    throw invalid('option "url" cannot be read. Percent-encode user and password (encodeURIComponent).', cause);
  }
}
