import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { isSessionKey, isToken, keyOf, mintToken } from './token.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a token', () => {
  it('is 43 base64url characters that stand for 32 bytes, and never the same twice', () => {
    const tokens = new Set(Array.from({ length: 20_000 }, mintToken));
    expect(tokens.size).toBe(20_000);
    expect([...tokens].filter((token) => !isToken(token))).toEqual([]);
    const [token = ''] = tokens;
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
  });

  it('does not come from Math.random', () => {
    const random = vi.spyOn(Math, 'random');
    mintToken();
    expect(random).not.toHaveBeenCalled();
  });

  it('is told from everything else', () => {
    const token = mintToken();
    const wrong = [
      '',
      'a.b',
      token.slice(1),
      `${token}A`,
      `${token.slice(0, 42)}B`, // a lenient decoder takes B for A: two texts, one session
      `${token.slice(0, 41)}==`,
      `${token}\n`,
      ` ${token.slice(1)}`,
      `${token.slice(0, 42)}+`,
      `${token.slice(0, 42)}/`,
      `../../${token.slice(6)}`,
      `\0${token.slice(1)}`,
      `é${token.slice(1)}`,
      keyOf(token),
      JSON.stringify({ token }),
    ];
    expect(wrong.filter(isToken)).toEqual([]);
  });
});

describe('a session key', () => {
  it('is the SHA-256 of the token: who reads the store cannot pick up a session (CVE-2019-16782)', () => {
    const token = mintToken();
    expect(keyOf(token)).toBe(createHash('sha256').update(token).digest('hex'));
    expect(isSessionKey(keyOf(token))).toBe(true);
    expect(isToken(keyOf(token))).toBe(false);
  });

  it('is told from everything else', () => {
    const key = keyOf('t');
    const wrong = ['', key.slice(1), `${key}0`, key.toUpperCase(), `${key}\n`, `../${key.slice(3)}`, mintToken()];
    expect(wrong.filter(isSessionKey)).toEqual([]);
  });
});
