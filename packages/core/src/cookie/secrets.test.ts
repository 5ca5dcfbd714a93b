import { execFileSync } from 'node:child_process';

import { describe, expect, it } from 'vitest';

import type { Environment } from '../environment.ts';
import { resolveSecrets } from './secrets.ts';

const good = 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUaSfIi4Zk';
const older = 'Kq7rGdLwXoEhYcUaSfIi4ZkPV3x8kN0qzq0m1Tt9yJ2b';

function resolve(env: Environment, option?: string | readonly string[]) {
  const warnings: string[] = [];
  const secrets = resolveSecrets({
    option,
    env,
    directory() {
      throw new Error('no development secret is needed');
    },
    warn: (line) => warnings.push(line),
  });
  return { secrets, warnings };
}

const production = (env: Environment = {}): Environment => ({ NODE_ENV: 'production', ...env });
const refused = (message: string) =>
  expect.objectContaining({ code: 'SECRET_INVALID', message: expect.stringContaining(message) });

describe('the secrets', () => {
  it('come from the option before the environment', () => {
    expect(resolve({ SECRET_KEY: older }, good)).toEqual({ secrets: [good], warnings: [] });
    expect(resolve({ SECRET_KEY: older }, [good, older]).secrets).toEqual([good, older]);
  });

  it('come from SECRET_KEY, then SECRET_KEY_FALLBACKS: comma separated, with or without spaces', () => {
    const env = production({ SECRET_KEY: ` ${good} `, SECRET_KEY_FALLBACKS: ` ${older} , ,${good},${older}3 ` });
    expect(resolve(env)).toEqual({ secrets: [good, older, `${older}3`], warnings: [] });
  });

  it('can be rotated in two deploys: the coming one is a fallback before it is the first', () => {
    const before = production({ SECRET_KEY: older, SECRET_KEY_FALLBACKS: good });
    const after = production({ SECRET_KEY: good, SECRET_KEY_FALLBACKS: older });
    expect(resolve(before).secrets).toEqual([older, good]);
    expect(resolve(after).secrets).toEqual([good, older]);
  });

  it('count an empty or blank variable as unset', () => {
    expect(() => resolve(production({ SECRET_KEY: '  ', SECRET_KEY_FALLBACKS: '' }))).toThrow(
      refused('SECRET_KEY is not set'),
    );
    expect(resolve(production({ SECRET_KEY: good, SECRET_KEY_FALLBACKS: ' , ' })).secrets).toEqual([good]);
  });

  it('are refused when only the fallbacks are set: which one shall sign?', () => {
    expect(() => resolve({ SECRET_KEY_FALLBACKS: good })).toThrow(refused('SECRET_KEY is not'));
  });

  it('are refused when the fallbacks name nothing but the first: a rotation that would log everybody out', () => {
    for (const fallbacks of [good, ` ${good},${good} `])
      expect(() => resolve({ SECRET_KEY: good, SECRET_KEY_FALLBACKS: fallbacks })).toThrow(
        refused('nothing but SECRET_KEY itself'),
      );
  });

  it('are asked for only where one is missing or bad: the end of a rotation needs no new one', () => {
    const message = (env: Environment, option?: string[]): unknown => {
      try {
        return resolve(env, option);
      } catch (error) {
        return error instanceof Error ? error.message : error;
      }
    };
    expect(message({ SECRET_KEY: good, SECRET_KEY_FALLBACKS: good })).toBe(
      'SECRET_KEY_FALLBACKS names nothing but SECRET_KEY itself. While a secret is rotated name the other one there, the old or the coming one; at the end unset SECRET_KEY_FALLBACKS.',
    );
    expect(message({ SECRET_KEY_FALLBACKS: good })).toBe(
      'SECRET_KEY_FALLBACKS is set and SECRET_KEY is not. Set SECRET_KEY to the secret that signs, the same for all workers.',
    );
    expect(message({}, [good, good])).toBe('Option secret names the same secret twice. Name it once.');
    expect(message(production())).toContain('Make a good one with: node -p');
  });

  it.each<[string, unknown]>([
    ['an empty text', ''],
    ['an empty list', []],
    ['an empty text in a list', [good, '']],
    ['undefined in a list', [good, undefined]],
    ['null', null],
    ['a number', 7],
    ['bytes', [Buffer.from(good)]],
    ['the same twice', [good, good]],
  ])('are refused in every environment when the option is %s', (_, option) => {
    for (const env of [production({ SECRET_KEY: good }), { SECRET_KEY: good }])
      expect(() => resolve(env, untyped(option))).toThrow(refused('Option secret'));
  });
});

describe('in production', () => {
  it('no secret is an error that prints the command that makes one', () => {
    expect(() => resolve(production())).toThrow(refused('SECRET_KEY is not set'));
    expect(() => resolve(production())).toThrow(refused('node -p'));
  });

  it('the printed command makes a secret that is accepted', () => {
    const message = messageOf(() => resolve(production()));
    const script = /node -p "(?<script>.+)"/.exec(message)?.groups?.['script'] ?? '';
    const made = execFileSync(process.execPath, ['-p', script], { encoding: 'utf8' }).trim();
    expect(resolve(production({ SECRET_KEY: made }))).toEqual({ secrets: [made], warnings: [] });
  });

  it('a secret needs 32 bytes, counted in UTF-8', () => {
    expect(() => resolve(production({ SECRET_KEY: good.slice(0, 31) }))).toThrow(refused('shorter than 32 bytes'));
    expect(resolve(production({ SECRET_KEY: good.slice(0, 32) })).secrets).toHaveLength(1);
    expect(resolve(production({ SECRET_KEY: 'äöüßéèêñçøåÄÖÜ€ł' })).secrets).toHaveLength(1);
  });

  it.each([
    'dev',
    'secret',
    'changeme',
    'keyboard cat',
    'keyboard cat keyboard cat keyboard cat',
    'KEYBOARD CAT-keyboard cat-Keyboard Cat!',
    'changeme-changeme-changeme-changeme-2024',
    'secretsecretsecretsecretsecretsecretsecret',
    'your-secret your-secret your-secret your-secret',
    'password12345678901234567890123456789',
    'change-me-change-me-change-me-change-me',
    'your-secret-key-your-secret-key-1234',
    'supersecretsupersecretsupersecret12',
    'replace-this-with-a-long-random-string',
    'your-256-bit-secret-your-256-bit-secret',
    '0123456789abcdef0123456789abcdef',
    'abcdefghijklmnopqrstuvwxyz123456',
    'a'.repeat(64),
    'abcabcabcabcabcabcabcabcabcabcabcabcabc',
    '0123012301230123012301230123012301230123',
  ])('the well-known "%s" is refused', (secret) => {
    expect(() => resolve(production({ SECRET_KEY: secret }))).toThrow(refused('SECRET_KEY is '));
    expect(() => resolve(production({ SECRET_KEY: good, SECRET_KEY_FALLBACKS: secret }))).toThrow(refused('is '));
    expect(() => resolve(production(), secret)).toThrow(refused('Option secret is '));
  });

  it.each([
    ['hexadecimal', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
    ['decimal', '8402913756284019375628401937562849013756'],
    ['base64', 'n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg='],
    ['a passphrase that holds a known word', 'the secret password of my dev box is a test'],
    ['a passphrase of another script', 'съешь ещё этих мягких французских булок'],
    ['a passphrase without any letter of ASCII', '海内存知己天涯若比邻无为在歧路'],
  ])('a good secret is accepted: %s', (_, secret) => {
    expect(resolve(production({ SECRET_KEY: secret }))).toEqual({ secrets: [secret], warnings: [] });
  });

  it('no error holds a secret', () => {
    const weak = 'hunter2-hunter2';
    expect(messageOf(() => resolve(production({ SECRET_KEY: weak })))).not.toContain('hunter2');
    expect(messageOf(() => resolve(production(), [good, good]))).not.toContain(good);
  });
});

describe('outside production', () => {
  it('a weak secret works with a warning that says what production will say', () => {
    const { secrets, warnings } = resolve({}, 'keyboard cat');
    expect(secrets).toEqual(['keyboard cat']);
    expect(warnings).toEqual([
      expect.stringMatching(/Option secret is shorter than 32 bytes.* Production refuses it\. Make a/),
    ]);
    expect(warnings.join()).not.toContain('keyboard');
  });
});

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  return '';
}

/** What users of plain JavaScript pass. */
function untyped(option: unknown): string {
  return option as string;
}
