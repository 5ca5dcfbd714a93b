/**
 * What a data file holds, as it is handed from thread to thread: a short one as a string with a letter for each byte,
 * which costs a fifth of a message with bytes; a long one as bytes in memory of their own.
 */
export type Content = string | Uint8Array;

/** `Buffer.allocUnsafe` gives shorter ones a part of memory that is shared, and all of it would be copied. */
const shortLength = 4096;

export function contentOf(bytes: Buffer): Content {
  return bytes.length < shortLength ? bytes.toString('latin1') : bytes;
}

export function bytesOf(content: Content): Buffer {
  if (typeof content === 'string') return Buffer.from(content, 'latin1');
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength);
}
