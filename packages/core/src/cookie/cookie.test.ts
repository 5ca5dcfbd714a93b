import { parseSetCookie } from 'cookie';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { COOKIE_BYTES, type CookieOptions, cookieSettings, cookieValues, setCookie } from './cookie.ts';
import { isSessError } from '../errors.ts';

const name = '__Host-sid';
const valid = `${'t'.repeat(43)}.${'s'.repeat(43)}`;

describe('the values of our cookie in a header', () => {
  const none: [string, string | undefined][] = [
    ['no header', undefined],
    ['an empty header', ''],
    ['only separators', ';'],
    ['separators and an equals sign', ';;=;'],
    ['the bare name', name],
    ['a bare name among others', `a=1; ${name}; b=2`],
    ['a nameless cookie whose value poses as ours', `=${name}=${valid}`],
    ['a name that ends with ours', `x${name}=${valid}`],
    ['a name that begins with ours', `${name}x=${valid}`],
    ['two words', `${name} ${name}=${valid}`],
    ['our name in a value', `a=${name}; b=x${name}=${valid}`],
    ['our pair quoted inside another value', `a="${name}=${valid}"`],
    ['NBSP before the name (CVE-2026-39410)', `\u00a0${name}=${valid}`],
    ['NBSP after the name', `${name}\u00a0=${valid}`],
    ['another Unicode space before the name', `\u2003${name}=${valid}`],
    ['a vertical tab before the name', `\v${name}=${valid}`],
    ['a byte order mark before the name', `\ufeff${name}=${valid}`],
    ['a NUL before the name', `\0${name}=${valid}`],
    ['a line break before the name', `a=1;\r\n${name}=${valid}`],
    ['another case', `__host-SID=${valid}`],
    ['a percent-encoded name (CVE-2020-8184)', `%5F_Host-sid=${valid}`],
    ['a comma as separator (RFC 2965)', `a=1, ${name}=${valid}`],
    ['names of Object.prototype', '__proto__=1; constructor=2; toString=3; hasOwnProperty=4'],
  ];
  it.each(none)('are none for %s', (_, header) => {
    expect(cookieValues(header, name)).toEqual([]);
  });

  const some: [string, string, string[]][] = [
    ['the plain pair', `${name}=${valid}`, [valid]],
    ['an empty value', `${name}=`, ['']],
    ['spaces and tabs around name and value', `a=1;\t ${name} \t= \t${valid}\t ; b=2`, [valid]],
    ['no space behind the separator', `a=1;${name}=${valid};b=2`, [valid]],
    ['quotes, which are kept', `${name}="${valid}"`, [`"${valid}"`]],
    ['a cookie sandwich: no quote reaches over a separator', `$Version=1; ${name}="x; y=1"`, ['"x']],
    ['percent signs, which are kept', `${name}=%2E%00%E0%A4%A`, ['%2E%00%E0%A4%A']],
    ['equals signs in the value', `${name}==a==`, ['=a==']],
    ['commas in the value', `${name}=a,b`, ['a,b']],
    ['NBSP beside the value, which is kept', `${name}=\u00a0x\u00a0`, ['\u00a0x\u00a0']],
    ['non-ASCII bytes', `${name}=\u00e9\u00ff`, ['\u00e9\u00ff']],
    ['several of our name, in their order', `${name}=a; ${name}=; ${name}=b`, ['a', '', 'b']],
    ['our name in another value before it', `a=${name}; ${name}=x`, ['x']],
    ['two header lines, as node joins them', ['a=1', `${name}=x`].join('; '), ['x']],
    ['a jar that overflows with others', `${'filler=1; '.repeat(180)}${name}=x`, ['x']],
  ];
  it.each(some)('are found verbatim: %s', (_, header, values) => {
    expect(cookieValues(header, name)).toEqual(values);
  });

  it('are none for null, which Headers.get() gives for a missing header', () => {
    expect(cookieValues(JSON.parse('null'), name)).toEqual([]);
  });

  it('are at most 64', () => {
    expect(cookieValues(`${name}=x; `.repeat(65), name)).toHaveLength(64);
  });

  it('are not searched in a header above 16 KiB', () => {
    const pair = `; ${name}=x`;
    expect(cookieValues(`${'a'.repeat(16_384 - pair.length)}${pair}`, name)).toEqual(['x']);
    expect(cookieValues(`${'a'.repeat(16_385 - pair.length)}${pair}`, name)).toEqual([]);
  });

  it('work for names that share their beginning, also with special characters', () => {
    for (const odd of ['sid', '__proto__', 'constructor', 'a.b', '$sid', '*', '^|~`']) {
      expect(cookieValues(`${odd}${odd}=no; ${odd}=yes; x${odd}=no`, odd)).toEqual(['yes']);
    }
  });

  it('are those of a reading by the letter, for any header', () => {
    const part = fc.constantFrom('sid', 's', 'id', '=', ';', ' ', '\t', 'x', ',', '"', '%', '\u00a0');
    const byTheLetter = (header: string): string[] =>
      header
        .split(';')
        .map((pair) => pair.split('='))
        .filter((pair) => pair.length > 1 && pair[0]?.replaceAll(/^[ \t]+|[ \t]+$/g, '') === 'sid')
        .map(([, ...rest]) => rest.join('=').replaceAll(/^[ \t]+|[ \t]+$/g, ''));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
        const header = parts.join('');
        expect(cookieValues(header, 'sid')).toEqual(byTheLetter(header).slice(0, 64));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the cookie settings', () => {
  it('are __Host-sid, Secure, HttpOnly and Lax in production', () => {
    const settings = cookieSettings({}, true);
    expect(setCookie(settings, 'v', 60)).toBe('__Host-sid=v; Max-Age=60; Path=/; HttpOnly; Secure; SameSite=Lax');
  });

  it('are sid without Secure elsewhere, so that http://localhost works', () => {
    expect(setCookie(cookieSettings({}, false), 'v', undefined)).toBe('sid=v; Path=/; HttpOnly; SameSite=Lax');
  });

  it.each<[CookieOptions, string]>([
    [{ secure: true }, '__Host-sid'],
    [{ secure: true, domain: 'example.org' }, 'sid'],
    [{ secure: true, path: '/app' }, 'sid'],
    [{ secure: false }, 'sid'],
  ])('%j name the cookie %s', (options, expected) => {
    expect(cookieSettings(options, false).name).toBe(expected);
  });

  it('go into the header one by one', () => {
    const settings = cookieSettings(
      { name: 'a', path: '/app', domain: '.example.org', sameSite: 'none', partitioned: true, priority: 'high' },
      true,
    );
    expect(parseSetCookie(setCookie(settings, 'v', 5))).toMatchObject({
      name: 'a',
      value: 'v',
      maxAge: 5,
      path: '/app',
      domain: '.example.org',
      sameSite: 'none',
      partitioned: true,
      priority: 'high',
      httpOnly: true,
      secure: true,
    });
  });

  const bad: [option: string, options: object][] = [
    ['name', { name: '' }],
    ['name', { name: 'a;b' }],
    ['name', { name: 'a=b' }],
    ['name', { name: 'a b' }],
    ['name', { name: 'a\n' }],
    ['name', { name: 'a\0' }],
    ['name', { name: 'é' }],
    ['name', { name: 'a; Domain=evil.example' }],
    ['name', { name: 7 }],
    ['name', { name: '__Host-sid', secure: false }],
    ['name', { name: '__host-sid', secure: false }],
    ['name', { name: '__Secure-sid', secure: false }],
    ['name', { name: '__Host-sid', secure: true, domain: 'example.org' }],
    ['name', { name: '__Host-sid', secure: true, path: '/app' }],
    ['name', { name: '__HOST-sid', secure: true, path: '/app' }],
    ['path', { path: '' }],
    ['path', { path: 'app' }],
    ['path', { path: '/; Domain=evil.example' }],
    ['path', { path: '/\r\nSet-Cookie: a=b' }],
    ['path', { path: '/ü' }],
    ['path', { path: '/<x>' }],
    ['domain', { domain: '' }],
    ['domain', { domain: 'example.org; Path=/x' }],
    ['domain', { domain: 'a b' }],
    ['domain', { domain: 'a..b' }],
    ['domain', { domain: '-a.example' }],
    ['domain', { domain: 'http://example.org' }],
    ['domain', { domain: 'example.org\n' }],
    ['domain', { domain: null }],
    ['domain', { domain: 7 }],
    ['sameSite', { sameSite: 'none', secure: false }],
    ['sameSite', { sameSite: true }],
    ['sameSite', { sameSite: 'Lax; Domain=evil.example' }],
    ['priority', { priority: 'urgent' }],
    ['priority', { priority: 'low; Domain=evil.example' }],
    ['partitioned', { partitioned: true, secure: false }],
    ['partitioned', { partitioned: 1 }],
    ['secure', { secure: 'auto' }],
    ['secure', { secure: null }],
    ['persistent', { persistent: 0 }],
    ['httpOnly', { httpOnly: false }],
    ['maxAge', { maxAge: 60_000 }],
    ['expires', { expires: new Date(0) }],
    ['signed', { signed: true }],
    ['samesite', { samesite: 'lax' }],
  ];
  it.each(bad)('refuse a bad %s by name: %j', (option, options) => {
    expect(() => cookieSettings(options, false)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(`Option cookie.${option} `) }),
    );
  });

  it('say where the lifetime is set, to those who look for it in the cookie', () => {
    expect(() => cookieSettings(Object({ maxAge: 60_000 }), false)).toThrow('say idleTimeoutMs or absoluteTimeoutMs');
  });

  it('take httpOnly: true, and options that are undefined, for what they are', () => {
    const options = { httpOnly: true, name: undefined, domain: undefined, secure: undefined, priority: undefined };
    expect(cookieSettings(Object(options), false)).toEqual(cookieSettings({}, false));
    expect(cookieSettings(Object({ httpOnly: undefined }), false)).toEqual(cookieSettings({}, false));
  });

  it('that are accepted always make a header, and never another attribute', () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom('/', '/a', 'a.example', 'x.a', '.a', '; Secure', '=', '\r\n', ',', 'ü', '<'),
    );
    const outcome = fc.check(
      fc.property(text, text, text, fc.boolean(), (cookieName, path, domain, secure) => {
        const [settings, error] = attempt(() => cookieSettings({ name: cookieName, path, domain, secure }, false));
        if (settings === undefined) return isSessError(error) && error.code === 'CONFIG_INVALID';
        const line = setCookie(settings, 'v', undefined);
        return line.split(';').length === (secure ? 6 : 5) && /^[\u0020-\u007e]+$/.test(line);
      }),
      { numRuns: 1000 },
    );
    expect(outcome).toMatchObject({ failed: false, counterexample: null });
  });
});

describe('the Set-Cookie line', () => {
  const settings = cookieSettings({}, true);

  it('may have 4096 bytes with name, value and attributes, and not one more', () => {
    const room = COOKIE_BYTES - setCookie(settings, '', 100).length;
    expect(setCookie(settings, 'v'.repeat(room - 1), 100)).toHaveLength(4095);
    expect(setCookie(settings, 'v'.repeat(room), 100)).toHaveLength(4096);
    expect(() => setCookie(settings, 'v'.repeat(room + 1), 100)).toThrow(
      expect.objectContaining({ code: 'COOKIE_TOO_LARGE', message: expect.stringContaining('4097 bytes') }),
    );
  });

  it('of a cleared cookie has both forms of expiry and the same attributes', () => {
    expect(setCookie(settings, '', 0)).toBe(
      '__Host-sid=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax',
    );
  });
});

function attempt<T>(work: () => T): [T | undefined, unknown] {
  try {
    return [work(), undefined];
  } catch (error) {
    return [undefined, error];
  }
}
