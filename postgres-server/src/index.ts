export { type PostgresServer, type PostgresServerOptions, startPostgres } from './start-postgres.ts';
export { freePort } from './free-port.ts';
export { postgresProgram } from './postgres-program.ts';
export { until } from './until.ts';
