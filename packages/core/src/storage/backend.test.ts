import { describe, expect, it } from 'vitest';

import { type BackendChoice, selectBackend } from './backend.ts';
import { cookieSessions } from '../cookie/cookie-sessions.ts';
import type { Environment } from '../environment.ts';
import { memoryStore } from './memory-store.ts';

const url = 'redis://user:password-in-the-url@127.0.0.1:6379';
const database = 'postgres://user:password-in-the-url@127.0.0.1:5432/app';

describe('where sessions are kept', () => {
  const rows: [Environment, BackendChoice['name'], source: string][] = [
    [{}, 'fs', 'default'],
    [{ NODE_ENV: 'production' }, 'fs', 'default'],
    [{ NODE_ENV: 'development' }, 'fs', 'default'],
    [{ SESSION_DIR: '/sessions' }, 'fs', 'default'],
    [{ REDIS_URL: url }, 'redis', 'REDIS_URL'],
    [{ SESSION_REDIS_URL: url }, 'redis', 'SESSION_REDIS_URL'],
    [{ SESSION_REDIS_URL: url, REDIS_URL: url }, 'redis', 'SESSION_REDIS_URL'],
    [{ SESSION_REDIS_URL: '', REDIS_URL: url }, 'redis', 'REDIS_URL'],
    [{ SESSION_REDIS_URL: ' ', REDIS_URL: '\t' }, 'fs', 'default'],
    [{ SESSION_REDIS_URL: undefined, REDIS_URL: '' }, 'fs', 'default'],
    [{ SESSION_DATABASE_URL: database }, 'postgres', 'SESSION_DATABASE_URL'],
    [{ SESSION_DATABASE_URL: database, NODE_ENV: 'test', VITEST: 'true' }, 'postgres', 'SESSION_DATABASE_URL'],
    [{ SESSION_DATABASE_URL: database, REDIS_URL: url }, 'redis', 'REDIS_URL'],
    [{ SESSION_DATABASE_URL: ' ' }, 'fs', 'default'],
    // An app's database is not chosen for sessions until somebody says so.
    [{ DATABASE_URL: database }, 'fs', 'default'],
    [{ DATABASE_URL: database, NODE_ENV: 'test' }, 'cookie', 'NODE_ENV'],
    // Redis is said by name; a test runner only hints.
    [{ REDIS_URL: url, NODE_ENV: 'test', VITEST: 'true' }, 'redis', 'REDIS_URL'],
    [{ NODE_ENV: 'test' }, 'cookie', 'NODE_ENV'],
    [{ NODE_ENV: 'test', REDIS_URL: '' }, 'cookie', 'NODE_ENV'],
    [{ VITEST: 'true' }, 'cookie', 'VITEST'],
    [{ JEST_WORKER_ID: '1' }, 'cookie', 'JEST_WORKER_ID'],
    [{ NODE_TEST_CONTEXT: 'child-v8' }, 'cookie', 'NODE_TEST_CONTEXT'],
    [{ VITEST: '', JEST_WORKER_ID: ' ', NODE_TEST_CONTEXT: '', NODE_ENV: '' }, 'fs', 'default'],
    [{ NODE_ENV: 'testing' }, 'fs', 'default'],
    [{ NODE_ENV: 'TEST' }, 'fs', 'default'],
    // A deployment may run in CI.
    [{ CI: 'true' }, 'fs', 'default'],
    [{ CI: 'true', REDIS_URL: url }, 'redis', 'REDIS_URL'],
    [{ CI: 'true', NODE_ENV: 'test' }, 'cookie', 'NODE_ENV'],
  ];
  it.each(rows)('%j: %s, by %s', (env, name, source) => {
    expect(selectBackend({ env })).toMatchObject({ name, source });
  });

  it.each(rows)('is what the store option names, whatever the environment: %j', (env) => {
    expect(selectBackend({ env, store: memoryStore() })).toMatchObject({ name: 'custom', source: 'option' });
    expect(selectBackend({ env, store: cookieSessions() })).toMatchObject({ name: 'cookie', source: 'option' });
  });

  it('is told with one sentence that names what decided, and no password', () => {
    for (const [env] of rows) {
      const { reason, source } = selectBackend({ env });
      expect(reason).toMatch(/^[^.]+\.$/);
      expect(reason).not.toContain('password');
      expect(reason).toContain(source === 'default' ? 'No Redis is configured' : source);
    }
  });

  it('does not read the process’s own environment: the choice is a function of what it is given', () => {
    // This very process has VITEST set.
    expect(process.env['VITEST']).toBeTruthy();
    expect(selectBackend({ env: {} }).name).toBe('fs');
  });
});
