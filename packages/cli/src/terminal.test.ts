import { describe, expect, it } from 'vitest';
import { jsonText, printable, wrap } from './terminal.ts';

describe('what a session says', () => {
  it('does not command the terminal, nor add lines or columns', () => {
    expect(printable('ada\u001B[2J\n\t\u009B\u202E\u2028x')).toBe(
      String.raw`ada\u{1b}[2J\u{a}\u{9}\u{9b}\u{202e}\u{2028}x`,
    );
    expect(printable('Zoë 🙂 DOMAIN\\ada')).toBe('Zoë 🙂 DOMAIN\\ada');
  });

  it('commands none as JSON either, and stays the same value', () => {
    const value = { owner: 'ada\u001B[2J\n\t\u007F\u009B31m\u202E\u2066\u2028\u{E0001}', more: ['Zoë 🙂'] };
    const text = jsonText(JSON.stringify(value, undefined, 2));
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
    expect(text).toContain('Zoë 🙂');
    expect(JSON.parse(text)).toEqual(value);
  });
});

describe('a long sentence', () => {
  it('is broken between words and indented', () => {
    expect(wrap('one two three four', 10, 2)).toBe('one two\n  three\n  four');
    expect(wrap(`short ${'x'.repeat(30)}`, 10, 0)).toBe(`short\n${'x'.repeat(30)}`);
  });
});
