import { describe, expect, it } from 'vitest';
import { printable, wrap } from './terminal.ts';

describe('what a session says', () => {
  it('does not command the terminal, nor add lines or columns', () => {
    expect(printable('ada\u001B[2J\n\t\u009B\u202E\u2028x')).toBe(
      String.raw`ada\u{1b}[2J\u{a}\u{9}\u{9b}\u{202e}\u{2028}x`,
    );
    expect(printable('Zoë 🙂 DOMAIN\\ada')).toBe('Zoë 🙂 DOMAIN\\ada');
  });
});

describe('a long sentence', () => {
  it('is broken between words and indented', () => {
    expect(wrap('one two three four', 10, 2)).toBe('one two\n  three\n  four');
    expect(wrap(`short ${'x'.repeat(30)}`, 10, 0)).toBe(`short\n${'x'.repeat(30)}`);
  });
});
