import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { isSessError } from '@sess/core';
import type { AppStore } from './testing/app-store.mjs';
import {
  changeAt,
  dataFileOf,
  keyOf,
  minuteMs,
  openStore,
  placeOf,
  recordAt,
  removeTemporaryDirectories,
  stampPlaceOf,
  temporaryDirectory,
} from './testing/directories.ts';
import { isRoot } from './testing/store-process.ts';

afterAll(removeTemporaryDirectories);

const now = 1_700_000_000_000;
const key = keyOf('the session');
const record = recordAt(now, {
  fields: { user: '"u1"', cart: '["x","é","😀"]', odd: '\uD800', nothing: '' },
  owner: 'u1',
  settings: { persistent: true },
});

async function stored(): Promise<{ directory: string; store: AppStore; file: string }> {
  const directory = temporaryDirectory();
  const store = openStore({ directory, clock: () => now });
  await store.create(key, record);
  return { directory, store, file: dataFileOf(directory, key) };
}

/** What all the verbs say to it: none may take it for absence, and none may write over it. */
async function toldBy(store: AppStore): Promise<string[]> {
  const calls = [
    store.read(key),
    store.create(key, record),
    store.update(key, changeAt(now)),
    store.update(key, changeAt(now, { set: { a: '1' } })),
    store.destroy(key),
    store.destroy(key, { endMarkerMs: minuteMs }),
  ];
  return [...new Set(await Promise.all(calls.map(codeOf)))];
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    return `answered ${JSON.stringify(await call)}`;
  } catch (error) {
    return isSessError(error) && error.status === 503 ? error.code : String(error);
  }
}

function namesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true }).map(String).toSorted();
}

describe('a data file', () => {
  it('that is whole is read exactly as it was written', async () => {
    const { store } = await stored();
    expect(await store.read(key)).toEqual(record);
  });

  it('cut short at any byte is told as damage, and stays', async () => {
    const { store, file } = await stored();
    const whole = readFileSync(file);
    const codes = new Set<string>();
    for (let length = whole.length - 1; length >= 0; length--) {
      truncateSync(file, length);
      codes.add(await codeOf(store.read(key)));
    }
    expect(await toldBy(store)).toEqual(['STORE_CORRUPT']);
    expect([...codes]).toEqual(['STORE_CORRUPT']);
    expect(readFileSync(file)).toHaveLength(0);
    writeFileSync(file, whole);
    expect(await store.read(key)).toEqual(record);
  });

  it('with any one byte changed is told as damage, or as of a newer version', async () => {
    const { directory, store, file } = await stored();
    const whole = readFileSync(file);
    const codes = new Set<string>();
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(file, changed);
      codes.add(await codeOf(store.read(key)));
    }
    expect([...codes]).toEqual(['STORE_CORRUPT']);
    // A "1" becomes a "2" by another bit.
    const newer = Buffer.from(whole);
    newer[whole.indexOf('1')] = '2'.charCodeAt(0);
    writeFileSync(file, newer);
    // Another process: that of `store` has just looked at a file of the same size and, by the kernel's clock, the same age.
    expect(await toldBy(openStore({ directory, clock: () => now }))).toEqual(['STORE_TOO_NEW']);
  });

  it('with NUL in place of its last blocks is told as damage, though its length is right', async () => {
    const { store, file } = await stored();
    const whole = readFileSync(file);
    for (const from of [0, 20, whole.length - 1]) {
      writeFileSync(file, Buffer.concat([whole.subarray(0, from), Buffer.alloc(whole.length - from)]));
      expect(await toldBy(store)).toEqual(['STORE_CORRUPT']);
    }
  });

  const foreign: Record<string, string | Buffer> = {
    'white space': ' \n',
    'JSON null': 'null',
    'a JSON array': '[]',
    'a JSON text': '"text"',
    'a JSON number': '1',
    'a session of session-file-store': '{"cookie":{"originalMaxAge":null},"__lastAccess":1}',
    'a version of 0': 'sess-fs 0 00000000\n{}\n',
    'a version with a zero before it': 'sess-fs 01 00000000\n{}\n',
    'a version that is no number': 'sess-fs x 00000000\n{}\n',
    'a version of 1.5': 'sess-fs 1.5 00000000\n{}\n',
    gzip: gzipSync('sess-fs 1 00000000\n{}\n'),
    'invalid UTF-8': Buffer.from([0xff, 0xfe, 0x80, 0xc0]),
  };

  for (const [what, content] of Object.entries(foreign)) {
    it(`that holds ${what} is told as damage, and stays`, async () => {
      const { store, file } = await stored();
      writeFileSync(file, content);
      expect(await toldBy(store)).toEqual(['STORE_CORRUPT']);
      expect(readFileSync(file)).toEqual(Buffer.from(content));
    });
  }

  it('of a newer version is told as that, whatever else is in it', async () => {
    for (const content of ['sess-fs 2 00000000\n{}\n', 'sess-fs 999 ', 'sess-fs 2 \0\0\0']) {
      const { store, file } = await stored();
      writeFileSync(file, content);
      expect(await toldBy(store)).toEqual(['STORE_TOO_NEW']);
      expect(readFileSync(file, 'utf8')).toBe(content);
    }
  });

  it('with something before or behind it is told as damage', async () => {
    const { store, file } = await stored();
    const whole = readFileSync(file);
    for (const before of ['\uFEFF', '\n']) {
      writeFileSync(file, Buffer.concat([Buffer.from(before), whole]));
      expect(await toldBy(store)).toEqual(['STORE_CORRUPT']);
    }
    writeFileSync(file, whole);
    appendFileSync(file, whole);
    expect(await toldBy(store)).toEqual(['STORE_CORRUPT']);
  });

  it('of another session, copied or moved here, is told as damage', async () => {
    const { directory, store, file } = await stored();
    const other = keyOf('another session');
    await store.create(other, recordAt(now, { fields: { user: '"u2"' } }));
    copyFileSync(dataFileOf(directory, other), file);
    expect(await toldBy(store)).toEqual(['STORE_CORRUPT']);
    expect(await store.read(other)).toMatchObject({ fields: { user: '"u2"' } });
  });

  it('that is missing is told as damage', async () => {
    const { store, file } = await stored();
    rmSync(file);
    expect(await toldBy(store)).toEqual(['STORE_CORRUPT']);
  });
});

describe('in place of a data file', () => {
  const instead: Record<string, (file: string, aside: string) => void> = {
    'a link to it': (file, aside) => symlinkSync(aside, file),
    'a link to nothing': (file) => symlinkSync('/nonexistent', file),
    'a directory': (file) => mkdirSync(file),
    'a FIFO that nobody writes to': (file) => void execFileSync('mkfifo', [file]),
  };

  for (const [what, put] of Object.entries(instead)) {
    it(`${what} is told as damage, is not followed, and nobody waits for it`, async () => {
      const { directory, store, file } = await stored();
      const aside = join(directory, 'aside');
      renameSync(file, aside);
      put(file, aside);
      const before = lstatSync(file);
      expect(await toldBy(store)).toEqual(['STORE_CORRUPT']);
      expect(lstatSync(file)).toMatchObject({ ino: before.ino, mode: before.mode });
    });
  }

  it.skipIf(!isRoot)(
    `a file of another user is told as damage${isRoot ? '' : ' (skipped: only root can give a file away)'}`,
    async () => {
      const { store, file } = await stored();
      execFileSync('chown', ['65534', file]);
      expect(await toldBy(store)).toEqual(['STORE_CORRUPT']);
      execFileSync('chown', ['0', file]);
      expect(await store.read(key)).toEqual(record);
    },
  );
});

describe('in place of a session', () => {
  it('a file is told as damage', async () => {
    const { directory, store } = await stored();
    rmSync(placeOf(directory, key), { recursive: true });
    writeFileSync(placeOf(directory, key), '');
    expect(await toldBy(store)).toEqual(['STORE_CORRUPT']);
  });

  it('a file where the token should be is told as damage', async () => {
    const { directory, store } = await stored();
    const token = stampPlaceOf(directory, key);
    rmSync(token, { recursive: true });
    writeFileSync(token, '');
    expect(await toldBy(store)).toEqual(['STORE_CORRUPT']);
  });

  it('something with no token, or with two, is told as damage', async () => {
    const { directory, store } = await stored();
    const token = stampPlaceOf(directory, key);
    mkdirSync(`${token}0`);
    expect(await toldBy(store)).toEqual(['STORE_CORRUPT']);
    for (const name of readdirSync(placeOf(directory, key)))
      rmSync(join(placeOf(directory, key), name), { recursive: true });
    writeFileSync(join(placeOf(directory, key), 'notes.txt'), 'not a session');
    expect(await toldBy(store)).toEqual(['STORE_CORRUPT']);
  });

  it('a token of a newer version is told as that', async () => {
    const { directory, store } = await stored();
    const token = stampPlaceOf(directory, key);
    renameSync(token, join(placeOf(directory, key), 'cur2_whatever'));
    expect(await toldBy(store)).toEqual(['STORE_TOO_NEW']);
  });

  it('a token whose times are none is told as damage', async () => {
    for (const name of [
      'cur_x_1_a-b_c',
      'cur_1__a-b_c',
      'cur_1_1_a/b_c'.replace('/', '.'),
      'cur_1_1',
      'end_1',
      'end_x_1_c',
    ]) {
      const { directory, store } = await stored();
      renameSync(stampPlaceOf(directory, key), join(placeOf(directory, key), name));
      expect(await toldBy(store)).toEqual(['STORE_CORRUPT']);
    }
  });

  it('an empty directory is nothing: a sweep that was killed leaves it', async () => {
    const { directory, store } = await stored();
    rmSync(stampPlaceOf(directory, key), { recursive: true });
    expect(await store.read(key)).toBeUndefined();
    expect(await store.update(key, changeAt(now))).toBe('gone');
    expect(await store.destroy(key)).toBeUndefined();
    expect(await store.create(key, record)).toBe(true);
    expect(await store.read(key)).toEqual(record);
  });

  it('damage is left by a sweep, and other files beside a token do not disturb it', async () => {
    const { directory, store, file } = await stored();
    writeFileSync(join(placeOf(directory, key), '.DS_Store'), '');
    expect(await store.read(key)).toEqual(record);
    truncateSync(file, 10);
    const before = namesIn(directory);
    await store.sweep();
    expect(namesIn(directory)).toEqual(before);
  });
});

describe('what is told', () => {
  it('names the session by its key, and carries a cause without more than a name, a message, a code and a stack', async () => {
    const { store, file } = await stored();
    rmSync(file);
    mkdirSync(file);
    const error: unknown = await store.read(key).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'SessError', message: expect.stringContaining(key) as string });
  });
});
