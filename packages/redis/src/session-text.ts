import type { FieldText } from '@sess/core';

/**
 * UTF-8 has no lone surrogates: they would all become the same replacement character. A text that has one is stored as
 * NUL and its JSON, which escapes them. So is a text that begins with NUL, to keep the two apart.
 */
export function encodeText(text: FieldText): string | Buffer {
  if (typeof text === 'string')
    return text.isWellFormed() && text.charCodeAt(0) !== 0 ? text : `\0${JSON.stringify(text)}`;
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  return bytes[0] === 0 ? `\0${JSON.stringify(bytes.toString())}` : bytes;
}

export function decodeText(text: string): string {
  if (text.charCodeAt(0) !== 0) return text;
  const decoded: unknown = JSON.parse(text.slice(1));
  if (typeof decoded !== 'string') throw new TypeError('not a text');
  return decoded;
}
