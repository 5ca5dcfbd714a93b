import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { developmentSecret } from './development-secret.ts';

let base: string;
let directory: string;
let path: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'development-secret-'));
  directory = join(base, 'app');
  path = join(directory, 'development-secret');
});

afterEach(() => {
  rmSync(base, { recursive: true });
});

const refused = (what: string) =>
  expect.objectContaining({ code: 'FS_DIRECTORY', message: expect.stringContaining(what) });
const content = 'a secret that somebody else knows, 0123456789';

describe('the development secret', () => {
  it('is made once and kept: a restart logs nobody out', () => {
    const secret = developmentSecret(directory).secret;
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(developmentSecret(directory).secret).toBe(secret);
    expect(readFileSync(path, 'utf8').trim()).toBe(secret);
  });

  it('is told by the process that makes it, and not by those that started beside it', async () => {
    const fixture = new URL('../testing/four-workers.mjs', import.meta.url).pathname;
    const start = async () => {
      const { stderr } = await promisify(execFile)(process.execPath, [fixture, directory]);
      return stderr.split('\n').filter((line) => line.includes('SECRET_KEY is not set'));
    };
    expect(await start()).toHaveLength(1);
    expect(await start()).toHaveLength(1);
  });

  it('is another one for each directory', () => {
    expect(developmentSecret(directory).secret).not.toBe(developmentSecret(join(base, 'other')).secret);
  });

  it('can be read by its user alone, whatever the umask, and leaves no draft behind', () => {
    developmentSecret(join(base, 'user', 'app'));
    expect(modeOf(join(base, 'user'))).toBe(0o755);
    expect(modeOf(join(base, 'user', 'app'))).toBe(0o700);
    expect(modeOf(join(base, 'user', 'app', 'development-secret'))).toBe(0o600);
    expect(readdirSync(join(base, 'user', 'app'))).toEqual(['development-secret']);
  });

  it('is the same for processes that start at once', async () => {
    // Node before 22.18 runs no TypeScript; this start-up is the same from the built file.
    const built = new URL('../../dist/cookie/development-secret.js', import.meta.url).href;
    const script = `
      const { developmentSecret } = await import(${JSON.stringify(built)});
      const at = Number(process.argv[2]);
      while (Date.now() < at);
      process.stdout.write(developmentSecret(process.argv[1]).secret);
    `;
    const at = String(Date.now() + 700);
    const runs = Array.from({ length: 8 }, () =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, directory, at]),
    );
    const secrets = (await Promise.all(runs)).map(({ stdout }) => stdout);
    expect(new Set(secrets).size).toBe(1);
    expect(secrets[0]).toBe(developmentSecret(directory).secret);
    expect(readdirSync(directory)).toEqual(['development-secret']);
  });

  it.runIf(process.getuid?.() === 0)(
    'that cannot be kept says why, also where the umask takes the rights of its own user',
    () => {
      chownSync(base, 65_534, 65_534);
      const built = new URL('../../dist/cookie/development-secret.js', import.meta.url).href;
      const script = `
      const { developmentSecret } = await import(${JSON.stringify(built)});
      process.umask(0o777);
      process.setegid?.(65_534);
      process.seteuid?.(65_534);
      try { developmentSecret(process.argv[1]); } catch (error) { process.stdout.write(error.message); }
    `;
      const told = execFileSync(process.execPath, ['--input-type=module', '-e', script, join(base, 'user', 'app')]);
      expect(String(told)).toMatch(/cannot be used: EACCES: permission denied.*umask 777.*Set SECRET_KEY/);
    },
  );

  it('is refused when others can read or write it', () => {
    developmentSecret(directory);
    for (const mode of [0o640, 0o604, 0o660, 0o666]) {
      chmodSync(path, mode);
      expect(() => developmentSecret(directory)).toThrow(
        refused(`${path} is open to other users (chmod go= ${path} closes it)`),
      );
    }
  });

  it('is refused in a directory that others can read or write, also in a sticky one', () => {
    developmentSecret(directory);
    for (const mode of [0o750, 0o705, 0o777, 0o1777]) {
      chmodSync(directory, mode);
      expect(() => developmentSecret(directory)).toThrow(
        refused(`${directory} is open to other users (chmod go= ${directory} closes it)`),
      );
    }
  });

  it('is refused where others could put another directory in its place', () => {
    developmentSecret(directory);
    for (const mode of [0o775, 0o757, 0o777]) {
      chmodSync(base, mode);
      expect(() => developmentSecret(directory)).toThrow(
        refused(`${base} is open to other users (chmod go-w ${base} closes it)`),
      );
    }
    // As in /tmp itself, the sticky bit keeps others from moving it.
    chmodSync(base, 0o1777);
    expect(developmentSecret(directory).secret).toMatch(/^[\w-]{43}$/);
  });

  it('does not follow a symbolic link that somebody laid', () => {
    mkdirSync(directory, { mode: 0o700 });
    const elsewhere = join(base, 'elsewhere');
    writeFileSync(elsewhere, content, { mode: 0o600 });
    symlinkSync(elsewhere, path);
    expect(() => developmentSecret(directory)).toThrow(refused('is a symbolic link'));
    rmSync(path);
    symlinkSync(join(base, 'not-there'), path);
    expect(() => developmentSecret(directory)).toThrow(refused('is a symbolic link'));
  });

  it('is not kept in a directory that is a symbolic link', () => {
    mkdirSync(join(base, 'real'), { mode: 0o700 });
    symlinkSync(join(base, 'real'), directory);
    expect(() => developmentSecret(directory)).toThrow(refused('is a symbolic link'));
  });

  it("is not kept in a directory of root's, which only root can open for the app", () => {
    mkdirSync(directory, { mode: 0o755 });
    const { uid } = lstatSync(directory);
    const asOther = vi.spyOn(process, 'geteuid').mockReturnValue(uid + 1);
    expect(() => developmentSecret(directory)).toThrow(
      uid === 0 ? refused(`${directory} belongs to another user (uid 0)`) : refused('belongs to another user'),
    );
    asOther.mockRestore();
  });

  it.runIf(process.getuid?.() === 0)('is not taken from another user, nor kept in their directory', () => {
    developmentSecret(directory);
    chownSync(path, 65_534, 65_534);
    expect(() => developmentSecret(directory)).toThrow(refused('belongs to another user'));
    chownSync(path, 0, 0);
    chownSync(directory, 65_534, 65_534);
    expect(() => developmentSecret(directory)).toThrow(refused('belongs to another user'));
    chownSync(directory, 0, 0);
    chownSync(base, 65_534, 65_534);
    expect(() => developmentSecret(directory)).toThrow(refused('belongs to another user'));
    // The owner of a sticky directory can move everything in it.
    chmodSync(base, 0o1777);
    expect(() => developmentSecret(directory)).toThrow(refused('belongs to another user'));
  });

  it.each([
    ['empty', ''],
    ['torn', 'abc'],
    ['blank', ' \n'.repeat(40)],
  ])('that is %s is an error that says what to do, not a weak secret', (_, text) => {
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(path, text, { mode: 0o600 });
    expect(() => developmentSecret(directory)).toThrow(refused('holds no secret; remove it'));
  });

  it('that is a directory or cannot be written is an error with the way out', () => {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    expect(() => developmentSecret(directory)).toThrow(refused('Set SECRET_KEY, or SESSION_DIR'));
    writeFileSync(join(base, 'file'), '');
    expect(() => developmentSecret(join(base, 'file', 'app')).secret).toThrow(
      refused('Set SECRET_KEY, or SESSION_DIR'),
    );
  });
});

function modeOf(name: string): number {
  return lstatSync(name).mode & 0o7777;
}
