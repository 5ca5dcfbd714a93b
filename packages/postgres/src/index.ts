export { type PostgresStore, postgresStore } from './postgres-store.ts';
export type { PostgresStoreOptions, PostgresStorePoolOptions, PostgresStoreUrlOptions } from './store-options.ts';
export type { PostgresClient, PostgresPool, PostgresQuery, PostgresResult } from './postgres-pool.ts';
