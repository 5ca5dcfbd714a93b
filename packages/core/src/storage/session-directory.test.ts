import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { sessionDirectory } from './session-directory.ts';

let base: string;

beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'session-directory-')));
});

afterAll(() => {
  rmSync(base, { recursive: true });
});

/** What a real process with this main script would choose. */
function chosenBy(script: string, cwd: string): string {
  mkdirSync(dirname(script), { recursive: true });
  const built = new URL('../../dist/storage/session-directory.js', import.meta.url).href;
  writeFileSync(script, `import(${JSON.stringify(built)}).then((m) => console.log(m.sessionDirectory({})));`);
  return execFileSync(process.execPath, [script], { cwd, encoding: 'utf8' }).trim();
}

describe('the session directory', () => {
  it('is the option, before SESSION_DIR', () => {
    expect(sessionDirectory({ SESSION_DIR: '/b' }, '/a')).toBe('/a');
    expect(sessionDirectory({ SESSION_DIR: ' /b ' })).toBe('/b');
  });

  it('must be absolute: workers may have different working directories', () => {
    expect(() => sessionDirectory({ SESSION_DIR: 'sessions' })).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining(
          `SESSION_DIR must be an absolute path, such as ${join(process.cwd(), 'sessions')}`,
        ),
      }),
    );
    expect(() => sessionDirectory({}, './sessions')).toThrow(
      expect.objectContaining({ message: expect.stringContaining('Option directory') }),
    );
  });

  it('is below the temporary directory, named after user and app, when none is named or the variable is empty', () => {
    const chosen = sessionDirectory({});
    expect(basename(chosen)).toMatch(/^[0-9a-f]{16}$/);
    expect(dirname(chosen)).toBe(join(tmpdir(), `sess-${process.geteuid?.()}`));
    expect(sessionDirectory({ SESSION_DIR: ' ' })).toBe(chosen);
  });

  it('is the same for all scripts of an app, wherever they are started, and another one for each app', () => {
    for (const app of ['one', 'two']) {
      mkdirSync(join(base, app));
      writeFileSync(join(base, app, 'package.json'), '{}');
    }
    const server = chosenBy(join(base, 'one', 'server.cjs'), join(base, 'one'));
    const worker = chosenBy(join(base, 'one', 'src', 'jobs', 'worker.cjs'), base);
    const other = chosenBy(join(base, 'two', 'server.cjs'), join(base, 'one'));
    expect(worker).toBe(server);
    expect(other).not.toBe(server);
  });

  it("is the app's too when a framework's own starter in node_modules is the main script", () => {
    const app = join(base, 'framework');
    mkdirSync(app);
    writeFileSync(join(app, 'package.json'), '{}');
    const server = chosenBy(join(app, 'server.cjs'), app);
    const starter = join(app, 'node_modules', 'framework', 'bin', 'start.cjs');
    mkdirSync(dirname(starter), { recursive: true });
    writeFileSync(join(app, 'node_modules', 'framework', 'package.json'), '{}');
    expect(chosenBy(starter, app)).toBe(server);
  });
});
