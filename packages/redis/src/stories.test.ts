import { testStories } from '@sess/store-tests';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type TestServer, startServer } from '../test/redis-server.ts';
import { redisStore } from './index.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.dispose());

/** Takes some of its time from each key, as if that time had passed. */
const age = `for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  local left = redis.call('PTTL', key)
  if left > 0 then redis.call('PEXPIRE', key, left - ARGV[2]) end
end`;

testStories({
  name: 'redis',
  runner: { describe, it },
  stories: 300,
  open({ id, instances }) {
    const prefix = `${id}:`;
    return {
      stores: Array.from({ length: instances }, () => redisStore({ url: server.url, prefix })),
      age: async (ms) => void (await server.admin.eval(age, 0, `${prefix}*`, ms)),
    };
  },
});
