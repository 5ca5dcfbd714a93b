/** What the store asks of a pool of `pg`. A `Pool` has it; so the types of `pg` need not be installed. */
export interface PostgresPool {
  /** Takes a connection out of the pool, or makes one. Rejects where the server cannot be reached in time. */
  connect(): Promise<PostgresClient>;
  /** Ends all connections. The store never calls it. */
  end(): Promise<void>;
}

/** What the store asks of a connection. */
export interface PostgresClient {
  /** Sends one statement. Rejects with the server's error, or when its time is over. */
  query(query: PostgresQuery): Promise<PostgresResult>;
  /** `true`: the connection is not to be used again. */
  release(isBroken?: boolean): void;
  /** A connection that is lost says so here too, and would end the process if nobody listened. */
  on(event: 'error', listener: () => void): unknown;
  /** Undoes `on`. */
  removeListener(event: 'error', listener: () => void): unknown;
  /** `I` where no transaction is open. Versions of `pg` before 8.21 do not tell. */
  getTransactionStatus?(): string | null;
}

/** A statement, as `pg` takes it. */
export interface PostgresQuery {
  /** The SQL. */
  text: string;
  /** Of a prepared statement: the server plans it once a connection. */
  name?: string;
  /** The parameters `$1`, `$2` and so on. */
  values?: unknown[];
  /** When the client gives the answer up, in milliseconds. */
  query_timeout?: number;
}

/** What the server answers. */
export interface PostgresResult {
  /** The rows, each by the names of its columns. */
  rows: Record<string, unknown>[];
  /** How many rows were written. */
  rowCount: number | null;
}

/** Where the store takes its connections from: a pool of its own, or one of the app. */
export interface Lender {
  /** @param by when nobody needs it any more, by `performance.now()` */
  lend(by: number): Promise<Lent>;
  /** The same for a read, which may share the connection with others. */
  share(by: number): Promise<Lent>;
  /** Ends a pool of our own. One of the app stays open. */
  end(): Promise<void>;
}

/** A connection for one statement. */
export type Lent = Pick<PostgresClient, 'query' | 'release'>;
