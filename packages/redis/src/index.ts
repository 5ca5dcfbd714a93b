export { type RedisStore, redisStore } from './redis-store.ts';
export type { RedisStoreOptions } from './store-options.ts';
