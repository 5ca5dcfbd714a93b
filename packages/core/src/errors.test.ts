import { existsSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';

import { describe, expect, it } from 'vitest';

import { SessError, isSessError, scrub } from './errors.ts';

const source = readFileSync(new URL('./errors.ts', import.meta.url), 'utf8');
const codes = [...source.matchAll(/^ {2}([A-Z_]+): \d{3},$/gm)].map(([, code]) => code ?? '');
const paragraphs = new URL('../../../docs/errors.md', import.meta.url);

describe('an error', () => {
  it('has a code, the status that fits, and a sentence', () => {
    const error = new SessError('SESSION_GONE', 'The session ended.');
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'SessError',
      code: 'SESSION_GONE',
      message: 'The session ended.',
      status: 409,
      statusCode: 409,
      expose: true,
    });
    expect(error.headers).toBe(undefined);
    expect(inspect(error)).not.toContain('undefined');
  });

  it('for a fault of the store tells clients to come back and caches to keep out, and hides its message', () => {
    const error = new SessError('STORE_TIMEOUT', 'The store at 10.0.0.7 is slow.');
    expect(error).toMatchObject({
      status: 503,
      expose: false,
      headers: { 'Retry-After': '1', 'Cache-Control': 'no-store' },
    });
  });

  it('is told by its name and code, also when it comes from a second copy of this module', async () => {
    const address = './errors.ts?copy';
    const copy: typeof import('./errors.ts') = await import(address);
    expect(copy.SessError).not.toBe(SessError);
    expect(isSessError(new copy.SessError('STORE_BUSY', 'x'))).toBe(true);
    const impostors = [
      undefined,
      null,
      'SessError',
      new Error('x'),
      Object.assign(new Error('x'), { code: 'STORE_BUSY' }),
      Object.assign(new Error('x'), { name: 'SessError' }),
      Object.assign(new Error('x'), { name: 'SessError', code: 'toString' }),
      Object.assign(new Error('x'), { name: 'SessError', code: 7 }),
      { name: 'SessError', code: 'STORE_BUSY' },
    ];
    expect(impostors.filter(isSessError)).toEqual([]);
  });

  it('keeps a scrubbed copy of its cause: no command arguments, whatever property or cause they are in', () => {
    const inner = Object.assign(new Error('inner'), { args: ['canary-in-inner'] });
    const cause = Object.assign(new RangeError('what went wrong', { cause: inner }), {
      code: 'ECONNRESET',
      command: { name: 'auth', args: ['canary-password'] },
      [Symbol('hidden')]: 'canary-symbol',
      toJSON: () => 'canary-json',
      errors: [new Error('canary-aggregate')],
    });
    Object.defineProperty(cause, 'invisible', { value: 'canary-invisible', enumerable: false });
    const error = new SessError('STORE_UNAVAILABLE', 'The store is down.', { cause });
    const seen = inspect(error, { depth: 9, showHidden: true, getters: true });
    expect(seen).toContain('what went wrong');
    expect(seen).toContain('ECONNRESET');
    expect(seen).not.toContain('canary');
    expect(JSON.stringify(error)).not.toContain('canary');
    expect(error.cause).toBeInstanceOf(Error);
    expect(error.cause).not.toBe(cause);
  });

  it('has no cause when none is given', () => {
    expect('cause' in new SessError('STORE_BUSY', 'x')).toBe(false);
    expect('cause' in new SessError('STORE_BUSY', 'x', { cause: undefined })).toBe(false);
  });
});

describe('a scrubbed copy', () => {
  it('has name, message, code and stack, and nothing else', () => {
    const original = Object.assign(new TypeError('m'), { code: 'E_X', extra: 1 });
    const copy = scrub(original);
    expect(Object.getOwnPropertyNames(copy).toSorted()).toEqual(['code', 'message', 'name', 'stack']);
    expect(copy).toMatchObject({ name: 'TypeError', message: 'm', code: 'E_X', stack: original.stack });
  });

  it('leaves out a code that is no text or number', () => {
    expect('code' in scrub(Object.assign(new Error('m'), { code: { args: ['canary'] } }))).toBe(false);
    expect(scrub(Object.assign(new Error('m'), { code: 7 }))).toMatchObject({ code: 7 });
  });

  it('of what is no error says so, and keeps nothing of it but a text', () => {
    expect(scrub('a text').message).toBe('a text');
    for (const thrown of [{ password: 'canary' }, ['canary'], Symbol('canary'), undefined, 7])
      expect(inspect(scrub(thrown))).not.toContain('canary');
  });
});

describe('the codes', () => {
  it('are a closed set, in the order of the alphabet', () => {
    expect(codes.length).toBeGreaterThan(15);
    expect(codes).toEqual(codes.toSorted());
  });

  it.runIf(existsSync(paragraphs))('have a paragraph each in docs/errors.md, and no other code has one', () => {
    const documented = [...readFileSync(paragraphs, 'utf8').matchAll(/^#+ .*?\b([A-Z]+(?:_[A-Z]+)+|UNSUPPORTED)\b/gm)];
    expect(documented.map(([, code]) => code ?? '').toSorted()).toEqual(codes);
  });
});
