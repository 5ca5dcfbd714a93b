import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { asFault, errorCode, isMissing } from './faults.ts';

// Test runners run an app in a context of its own. What Node throws there is of another class than the app's Error.
const foreign = (type: string, code: string): unknown =>
  runInNewContext(`Object.assign(new ${type}('told'), { code: '${code}' })`);

describe('an error of another context', () => {
  it('has its code', () => {
    expect(errorCode(foreign('Error', 'EACCES'))).toBe('EACCES');
    expect(isMissing(foreign('Error', 'ENOENT'))).toBe(true);
    expect(asFault(foreign('Error', 'ENOSPC'))).toMatchObject({ code: 'STORE_FULL' });
  });

  it("is the caller's mistake where it is a TypeError", () => {
    const error = foreign('TypeError', 'ERR_INVALID_ARG_TYPE');
    expect(asFault(error)).toBe(error);
  });
});

it('what is thrown and is no error is a fault', () => {
  expect([asFault('text'), asFault(undefined), asFault({ code: 5 })]).toMatchObject([
    { code: 'STORE_UNAVAILABLE' },
    { code: 'STORE_UNAVAILABLE' },
    { code: 'STORE_UNAVAILABLE' },
  ]);
});

describe('a right that is missing', () => {
  it.each(['EACCES', 'EPERM'])('is told with the path and the user: %s', (code) => {
    const error = Object.assign(new Error('denied'), { code, path: '/sessions/3f' });
    expect(asFault(error).message).toBe(
      `The session directory cannot be used (${code} at /sessions/3f): the app runs as uid ${process.geteuid?.()}, ` +
        `which has no right to do that. As root: chown -R ${process.geteuid?.()} <session directory>. ` +
        'Whether a write took place is not known.',
    );
  });

  it('is told without a path where the error has none', () => {
    expect(asFault({ code: 'EACCES' }).message).toContain('(EACCES): the app runs as');
    expect(asFault({ code: 'EIO', path: '/sessions/3f' }).message).toContain('(EIO): the disk');
  });
});
