import { afterAll, describe, expect, test } from 'vitest';
import { testFlicker, testKills } from './demo-flicker-suite.ts';
import { testLateCrowds } from './demo-races-suite.ts';
import { testRoutes } from './demo-routes-suite.ts';
import { expressDemo } from './express-demo.ts';
import { Visitor, newcomer } from './http-client.ts';
import { startPostgres } from '@sess/postgres-server';
import { startDemo } from './start-demo.ts';

const postgres = await startPostgres();
afterAll(() => postgres.dispose());
const onPostgres = { ...expressDemo, env: { SESSION_DATABASE_URL: postgres.url } };

testRoutes(onPostgres, 'postgres');
testFlicker(onPostgres, 'postgres');
testKills(onPostgres, 'postgres');
testLateCrowds(onPostgres, 'postgres');

describe('the Express demo while PostgreSQL dies', () => {
  test('answers 503 meanwhile, in time, and nobody is logged out', { timeout: 60_000 }, async () => {
    const demo = await startDemo(onPostgres, { store: 'postgres' });
    try {
      const user = newcomer('Ada');
      const visitor = new Visitor(demo.url);
      await visitor.login(user);
      await postgres.kill();
      let faults = 0;
      for (let count = 0; count < 12; count += 1) {
        const sentAt = performance.now();
        const { status } = await visitor.get('/api/me');
        expect(performance.now() - sentAt).toBeLessThan(2_000 + 1_500);
        expect(status).toBe(503);
        faults += 1;
      }
      expect(faults).toBe(12);
      await postgres.start();
      await expect.poll(async () => (await visitor.get('/api/me')).status, { timeout: 15_000 }).toBe(200);
      for (let count = 0; count < 8; count += 1) expect(await visitor.me()).toMatchObject({ user, store: 'postgres' });
    } finally {
      await demo.stop();
    }
  });
});
