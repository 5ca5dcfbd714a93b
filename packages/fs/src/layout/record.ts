import { crc32 } from 'node:zlib';
import type { FieldText, SessionKey, SessionRecord, SessionSettings } from '@sess/core';
import { SessError, emptyFields, setField } from '@sess/core/internal/thread';
import { corrupt, tooNew } from './unreadable.ts';

/** More than any session: what is larger was not written by this store. */
export const largestBytes: number = 256 * 1024 * 1024;

/**
 * A data file:
 *
 *     sess-fs 1 5f3a9c01                                         version, CRC-32 of all that follows
 *     {"key":"9f86...","createdAt":1,"owner":"u1","writeIds":["k3"],"fields":[["userId",4],["cart",9]]}
 *     "u1"["x","y"]                                              the texts, one after the other
 *
 * JSON around the texts would escape and unescape each of them: five times the work at 64 KB. The
 * key is in the file so that a copied or renamed one is not taken for another session. The sum finds
 * what is torn, also where the length is right (blocks of NUL after a power cut).
 */
export type DataRecord = Omit<SessionRecord, 'expiresAt' | 'touchedAt'>;

interface Header {
  key: SessionKey;
  createdAt: number;
  owner?: string;
  settings?: SessionSettings;
  writeIds: string[];
  fields: FieldEntry[];
}

/** Name and length in bytes; 1 after them: the text is written as JSON, since UTF-8 has no lone surrogates. */
type FieldEntry = [name: string, length: number] | [name: string, length: number, escaped: 1];

const version = 1;
const prefix = `sess-fs ${version} `;
const sumLength = 8;
const headerAt = prefix.length + sumLength + 1;
const lineFeed = 0x0a;

/** From this length on a text is given as the bytes that were read: decoding it costs more than making a view of it. */
const longText = 1024;

/** The same record always gives the same bytes. @throws SessError `SESSION_TOO_LARGE` */
export function encodeRecord(key: SessionKey, record: DataRecord): Buffer {
  const { createdAt, owner, settings, writeIds } = record;
  const texts: FieldText[] = [];
  const fields: FieldEntry[] = [];
  let length = 0;
  for (const [name, text] of Object.entries(record.fields)) {
    const isPlain = typeof text !== 'string' || text.isWellFormed();
    const written = isPlain ? text : JSON.stringify(text);
    const size = Buffer.byteLength(written);
    fields.push(isPlain ? [name, size] : [name, size, 1]);
    texts.push(written);
    length += size;
  }
  const header: Header = {
    key,
    createdAt,
    ...(owner !== undefined && { owner }),
    ...(settings !== undefined && { settings }),
    writeIds: [...writeIds],
    fields,
  };
  const start = `${prefix}${'0'.repeat(sumLength)}\n${JSON.stringify(header)}\n`;
  const startLength = Buffer.byteLength(start);
  assertNotTooLarge(startLength + length);
  const bytes = Buffer.allocUnsafe(startLength + length);
  bytes.write(start);
  let at = startLength;
  for (const text of texts) {
    if (typeof text === 'string') at += bytes.write(text, at);
    else {
      bytes.set(text, at);
      at += text.length;
    }
  }
  bytes.write(sumOf(bytes), prefix.length, 'latin1');
  return bytes;
}

function assertNotTooLarge(length: number): void {
  if (length <= largestBytes) return;
  throw new SessError(
    'SESSION_TOO_LARGE',
    `A session of ${length} bytes is too large for a file; nothing was written.`,
  );
}

function sumOf(bytes: Uint8Array): string {
  return crc32(bytes.subarray(headerAt)).toString(16).padStart(sumLength, '0');
}

/** Long texts are given as views of `bytes`. @throws SessError `STORE_CORRUPT`, `STORE_TOO_NEW` */
export function decodeRecord(key: SessionKey, bytes: Buffer): DataRecord {
  const start = /^sess-fs ([1-9]\d{0,8}) /.exec(bytes.toString('latin1', 0, 20));
  if (start === null) throw corrupt(key, bytes.length === 0 ? 'its data file is empty' : 'its data file is foreign');
  if (Number(start[1]) > version) throw tooNew(key);
  if (bytes.toString('latin1', 0, headerAt) !== `${prefix}${sumOf(bytes)}\n`)
    throw corrupt(key, 'its data file is torn');

  const headerEnd = bytes.indexOf(lineFeed, headerAt);
  if (headerEnd < 0) throw corrupt(key, 'its data file has no header');
  const header = parseHeader(key, bytes.toString('utf8', headerAt, headerEnd));
  if (header.key !== key) throw corrupt(key, 'its data file belongs to another session');
  const { createdAt, owner, settings, writeIds } = header;
  return {
    fields: fieldsOf(key, header.fields, bytes.subarray(headerEnd + 1)),
    createdAt,
    ...(owner !== undefined && { owner }),
    ...(settings !== undefined && { settings }),
    writeIds,
  };
}

function parseHeader(key: SessionKey, text: string): Header {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw corrupt(key, 'its header is not JSON', error);
  }
  if (!isHeader(header)) throw corrupt(key, 'its header lacks something');
  return header;
}

function isHeader(value: unknown): value is Header {
  return (
    isObject(value) &&
    typeof value['key'] === 'string' &&
    typeof value['createdAt'] === 'number' &&
    (value['owner'] === undefined || typeof value['owner'] === 'string') &&
    (value['settings'] === undefined || isSettings(value['settings'])) &&
    Array.isArray(value['writeIds']) &&
    value['writeIds'].every((id) => typeof id === 'string') &&
    Array.isArray(value['fields']) &&
    value['fields'].every(isFieldEntry)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSettings(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { idleTimeoutMs, persistent, label } = value;
  return (
    (idleTimeoutMs === undefined || typeof idleTimeoutMs === 'number') &&
    (persistent === undefined || typeof persistent === 'boolean') &&
    (label === undefined || typeof label === 'string')
  );
}

function isFieldEntry(value: unknown): boolean {
  return Array.isArray(value) && typeof value[0] === 'string' && Number.isSafeInteger(value[1]) && value[1] >= 0;
}

function fieldsOf(key: SessionKey, entries: readonly FieldEntry[], texts: Buffer): Record<string, FieldText> {
  const fields: Record<string, FieldText> = emptyFields(entries.length);
  let at = 0;
  for (const [name, length, escaped] of entries) {
    const end = at + length;
    if (escaped === 1) setField(fields, name, unescaped(key, texts.toString('utf8', at, end)));
    else setField(fields, name, length < longText ? texts.toString('utf8', at, end) : texts.subarray(at, end));
    at = end;
  }
  if (at !== texts.length) throw corrupt(key, 'its texts are too long or too short');
  return fields;
}

function unescaped(key: SessionKey, written: string): string {
  try {
    const text: unknown = JSON.parse(written);
    if (typeof text === 'string') return text;
  } catch {
    // Told below.
  }
  throw corrupt(key, 'a text in it is not what it says');
}
