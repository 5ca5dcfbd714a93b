export { type RedisStore, redisStore } from './redis-store.ts';
export type { RedisStoreClientOptions, RedisStoreOptions, RedisStoreUrlOptions } from './store-options.ts';
