import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Session, type Sessions, createSessions } from '@sess/core';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { openSessionDirectory } from './disk/directory.ts';
import {
  keyOf,
  keysOf,
  openStore,
  recordAt,
  removeTemporaryDirectories,
  temporaryDirectory,
} from './testing/directories.ts';
import { fsStore } from './index.ts';
import { tryToLock } from './disk/lock.ts';

// The cleaner of Debian's /tmp, which removes what looks old, with an age of seconds instead of ten days.

declare module '@sess/core' {
  interface SessionData {
    user?: string;
    views?: number;
  }
}

afterAll(removeTemporaryDirectories);

interface Cleaner {
  /** Sessions lie below it, as below /tmp. */
  place: string;
  clean(): void;
  /** From when on something lies there that nobody touches. */
  leaveControl(): void;
  /** Whether that has gone. */
  hasCleaned(): boolean;
}

function cleaner(age: string): Cleaner {
  const configured = temporaryDirectory();
  const place = temporaryDirectory();
  const config = join(configured, 'clean.conf');
  writeFileSync(config, `d ${place} 0700 - - ${age}\n`);
  const control = join(place, 'control');
  return {
    place,
    clean: () => void execFileSync('systemd-tmpfiles', ['--clean', config]),
    leaveControl: () => writeFileSync(control, ''),
    hasCleaned: () => !existsSync(control),
  };
}

const waiting = { timeout: 20_000, interval: 100 };

/** As a browser: keeps its cookie. */
function browserOf(sessions: Sessions): (act: (session: Session) => unknown) => Promise<string | undefined> {
  let cookie: string | undefined;
  return async (act) => {
    const session = await sessions.open(cookie);
    await act(session);
    const { user } = session;
    const { setCookie } = await sessions.commit(session);
    if (setCookie !== undefined) cookie = String(setCookie).split(';')[0];
    return user;
  };
}

describe.skipIf(process.platform !== 'linux')('a cleaner of what looks old', () => {
  it('logs out nobody who reads or writes, and "log out everywhere" finds them all', { timeout: 30_000 }, async () => {
    const { place, clean, leaveControl, hasCleaned } = cleaner('6s');
    const store = fsStore({ directory: join(place, 'sessions'), sweepEveryMs: 0 });
    onTestFinished(() => store.close());
    // A touch is due after a second.
    const options = { store, secret: 'a secret for a test, of 32 bytes or more', logger: false as const };
    const sessions = createSessions({ ...options, idleTimeoutMs: 24_000 });
    const [reader, writer, idle] = [browserOf(sessions), browserOf(sessions), browserOf(sessions)];
    const logIn = async (session: Session) => {
      await session.regenerate({ owner: 'ann' });
    };
    for (const browser of [reader, writer, idle]) {
      await browser(logIn);
      await browser((session) => void (session.user = 'ann'));
    }
    leaveControl();
    await expect
      .poll(async () => {
        expect(await reader(() => undefined)).toBe('ann');
        expect(await writer((session) => void (session.views = (session.views ?? 0) + 1))).toBe('ann');
        clean();
        return hasCleaned();
      }, waiting)
      .toBe(true);
    // The control: what nobody used has gone.
    expect(await idle(() => undefined)).toBeUndefined();
    expect(await reader(() => undefined)).toBe('ann');
    expect(await writer(() => undefined)).toBe('ann');
    expect(await sessions.revokeAll('ann')).toBe(2);
    expect(await reader(() => undefined)).toBeUndefined();
    expect(await writer(() => undefined)).toBeUndefined();
  });

  it('leaves a directory without sessions in which one can log in', async () => {
    const { place, clean } = cleaner('1s');
    const directory = join(place, 'sessions');
    const store = openStore({ directory });
    onTestFinished(() => store.close());
    await expect
      .poll(() => {
        clean();
        return readdirSync(directory);
      }, waiting)
      .toEqual(['keep']);
    const now = Date.now();
    expect(await store.create(keyOf('first'), recordAt(now, { owner: 'ann' }))).toBe(true);
    expect(await keysOf(store, 'ann')).toEqual([keyOf('first')]);
    expect(await keysOf(store, 'bob')).toEqual([]);
  });
});

it('a directory of locks that was cleaned away is made again', async () => {
  const directory = openSessionDirectory(join(temporaryDirectory(), 'sessions'), process.platform);
  rmSync(directory.locks, { recursive: true });
  const release = await tryToLock(directory.locks, 'sweep', directory.verify, () => undefined);
  expect(release).toBeTypeOf('function');
  await release?.();
});

describe('a touch', () => {
  const now = Date.now();
  const hourMs = 3_600_000;
  const dayMs = 24 * hourMs;
  const long = new Date('2020-01-01');

  it('that is due makes all look new that a session lies in, and writes an entry that has gone', async () => {
    const directory = temporaryDirectory();
    const store = openStore({ directory });
    const key = keyOf('a session');
    await store.create(key, recordAt(now, { owner: 'ann', expiresAt: now + dayMs }));
    await store.update(key, { touchedAt: now + hourMs, expiresAt: now + dayMs + hourMs });
    const all = ['.', ...readdirSync(directory, { recursive: true }).map(String)];
    // The first entry is that of the login; the one beside it is renewed.
    const used = all.filter((name) => !/locks|keep|_\d{13}$/.test(name));
    expect(used.filter((name) => name.endsWith('_0'))).toHaveLength(1);
    for (const name of used) utimesSync(join(directory, name), long, long);
    rmSync(join(directory, used.find((name) => name.endsWith('_0')) ?? 'none'));

    await store.update(key, { touchedAt: now + 2 * hourMs, expiresAt: now + dayMs + 2 * hourMs });
    const renamed = ['.', ...readdirSync(directory, { recursive: true }).map(String)];
    const old = execFileSync('find', ['.', '-not', '-newermt', '2021-01-01'], { cwd: directory, encoding: 'utf8' });
    expect(old).toBe('');
    expect(renamed.filter((name) => name.endsWith('_0'))).toHaveLength(1);
  });

  it('that nobody waits for, a few milliseconds after another change, is one rename', async () => {
    const directory = temporaryDirectory();
    const store = openStore({ directory });
    const key = keyOf('a session');
    const at = Math.floor(now / hourMs) * hourMs;
    await store.create(key, recordAt(at, { owner: 'ann', expiresAt: at + dayMs }));
    utimesSync(directory, long, long);
    await store.update(key, { touchedAt: at + 10, expiresAt: at + dayMs + 10 });
    expect(readdirSync(directory, { recursive: true }).filter((name) => String(name).endsWith('_0'))).toEqual([]);
  });
});
