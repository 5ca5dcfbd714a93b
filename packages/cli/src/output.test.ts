import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { SessionStore } from '@sess/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AppFolder, handleOf, makeAppFolder, storeSession } from '../test/app-folder.ts';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
/** What commands a terminal: C0, DEL, C1, and the direction of a text. */
const hostile = 'ada\u001B[2J\u007F\u009B31m\u202E\u2066';
const commanding = /[^\P{Cc}\n\t]|[\p{Cf}\u2028\u2029]/u;

let app: AppFolder;
let store: SessionStore;

beforeEach(async () => {
  app = makeAppFolder();
  store = await app.open();
});

afterEach(() => app.remove());

describe('what a session says commands no terminal', () => {
  it.each([
    ['list'],
    ['list', '--json'],
    ['show', handleOf(1)],
    ['show', handleOf(1), '--json', '--key', hostile],
    ['show', handleOf(1), '--key', hostile],
    ['show', handleOf(1), '--key', `${hostile}?`],
    ['stats', '--json'],
  ])('%s %s %s', async (...args) => {
    await storeSession(store, handleOf(1), { fields: { [hostile]: JSON.stringify(hostile) }, owner: hostile });
    const { out, err } = await app.sess(args);
    expect(`${out}${err}`).not.toBe('');
    expect(`${out}${err}`).not.toMatch(commanding);
  });
});

it('a listing as JSON is one document, written a session a line', async () => {
  for (let number = 0; number < 40; number += 1) await storeSession(store, handleOf(number), { owner: hostile });
  const whole = await app.sess(['list', '--json', '--limit', 'all']);
  expect(JSON.parse(whole.out)).toMatchObject({ storage: expect.any(String), isComplete: true });
  expect(whole.out.trimEnd().split('\n')).toHaveLength(42);
  const { sessions } = JSON.parse(whole.out) as { sessions: { owner: string }[] };
  expect(new Set(sessions.map(({ owner }) => owner))).toEqual(new Set([hostile]));
  const cut = await app.sess(['list', '--json', '--limit', '7']);
  expect(JSON.parse(cut.out)).toMatchObject({ isComplete: false, sessions: { length: 7 } });
  const none = await app.sess(['list', '--json', '--owner', 'nobody']);
  expect(JSON.parse(none.out)).toMatchObject({ isComplete: true, sessions: [] });
});

describe.runIf(existsSync('/dev/full'))('on a full disk', () => {
  const sh = (line: string): { status: number | null; stderr: string } =>
    spawnSync('sh', ['-c', line, process.execPath, main], { encoding: 'utf8' });

  it('the output that is lost has an exit code and a sentence of its own', () => {
    const { status, stderr } = sh('"$0" "$1" secret > /dev/full');
    expect([status, stderr]).toEqual([
      4,
      'error: The output cannot be written (ENOSPC). What was asked for may have been done.\n',
    ]);
    expect(sh('"$0" "$1" --version > /dev/full 2>&1').status).toBe(4);
  });

  it('a reader who has had enough is no error', () => {
    expect(sh('"$0" "$1" secret | true').stderr).toBe('');
  });
});
