import { crc32 } from 'node:zlib';
import { SessError, type SessionKey, type SessionSettings } from '@sess/core';
import { copyOfFields, emptyFields, setField } from '@sess/core/internal';
import { corrupt, tooNew } from './faults.ts';
import { largestBytes } from './files.ts';

/**
 * A data file:
 *
 *     sess-fs 1 5f3a9c01                                      version, CRC-32 of all that follows
 *     {"key":"9f86...","id":"m9...","createdAt":1,"owner":"u1","fields":[["userId",4],["cart",9]]}
 *     "u1"["x","y"]                                           the texts, one behind the other
 *
 * JSON around the texts would escape and unescape each of them: five times the work at 64 KB. The
 * key is in the file so that a copied or renamed one is not taken for another session; the data id
 * of its name, so that a reader who opened it before it became spare does not take what is written
 * into it then for what it was; and the sum finds what is torn, also where the length is right
 * (blocks of NUL after a power cut).
 */
export interface StoredRecord {
  fields: Record<string, string>;
  createdAt: number;
  owner?: string;
  settings?: SessionSettings;
}

/** A record is its reader's, to do with as it likes. */
export function copyOf({ fields, createdAt, owner, settings }: StoredRecord): StoredRecord {
  const copy: StoredRecord = { fields: copyOfFields(fields), createdAt };
  if (owner !== undefined) copy.owner = owner;
  if (settings !== undefined) copy.settings = { ...settings };
  return copy;
}

interface Header {
  key: SessionKey;
  id: string;
  createdAt: number;
  owner?: string;
  settings?: SessionSettings;
  fields: FieldEntry[];
}

/** Name and length; 1 behind them: the text is written as JSON, since UTF-8 has no lone surrogates. */
type FieldEntry = [name: string, length: number] | [name: string, length: number, escaped: 1];

const version = 1;
const prefix = `sess-fs ${version} `;
const sumLength = 8;
const headerAt = prefix.length + sumLength + 1;
const lineFeed = 0x0a;

export function encodeRecord(key: SessionKey, id: string, record: StoredRecord): Uint8Array {
  const entries: FieldEntry[] = [];
  let texts = '';
  for (const [name, text] of Object.entries(record.fields)) {
    const isWhole = text.isWellFormed();
    const written = isWhole ? text : JSON.stringify(text);
    entries.push(isWhole ? [name, written.length] : [name, written.length, 1]);
    texts += written;
  }
  const { createdAt, owner, settings } = record;
  const header: Header = {
    key,
    id,
    createdAt,
    ...(owner !== undefined && { owner }),
    ...(settings !== undefined && { settings }),
    fields: entries,
  };
  const bytes = Buffer.from(`${prefix}${'0'.repeat(sumLength)}\n${JSON.stringify(header)}\n${texts}`);
  if (bytes.length > largestBytes) {
    throw new SessError(
      'SESSION_TOO_LARGE',
      `A session of ${bytes.length} bytes is too large for a file; nothing was written.`,
    );
  }
  bytes.write(sumOf(bytes), prefix.length, 'latin1');
  return bytes;
}

function sumOf(bytes: Uint8Array): string {
  return crc32(bytes.subarray(headerAt)).toString(16).padStart(sumLength, '0');
}

/** @throws SessError `STORE_CORRUPT`, `STORE_TOO_NEW` */
export function decodeRecord(key: SessionKey, id: string, content: Uint8Array): StoredRecord {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const start = /^sess-fs ([1-9]\d{0,8}) /.exec(bytes.toString('latin1', 0, 20));
  if (start === null) throw corrupt(key, bytes.length === 0 ? 'its data file is empty' : 'its data file is foreign');
  if (Number(start[1]) > version) throw tooNew(key);
  if (bytes.toString('latin1', 0, headerAt) !== `${prefix}${sumOf(bytes)}\n`)
    throw corrupt(key, 'its data file is torn');

  const headerEnd = bytes.indexOf(lineFeed, headerAt);
  if (headerEnd < 0) throw corrupt(key, 'its data file has no header');
  const header = parseHeader(key, bytes.toString('utf8', headerAt, headerEnd));
  if (header.key !== key) throw corrupt(key, 'its data file belongs to another session');
  if (header.id !== id) throw corrupt(key, 'its data file is that of another record');
  const { createdAt, owner, settings } = header;
  return {
    fields: fieldsOf(key, header.fields, bytes.toString('utf8', headerEnd + 1)),
    createdAt,
    ...(owner !== undefined && { owner }),
    ...(settings !== undefined && { settings }),
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
    typeof value['id'] === 'string' &&
    typeof value['createdAt'] === 'number' &&
    (value['owner'] === undefined || typeof value['owner'] === 'string') &&
    (value['settings'] === undefined || isSettings(value['settings'])) &&
    Array.isArray(value['fields']) &&
    value['fields'].every(isFieldEntry)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSettings(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { idleTimeoutMs, persistent } = value;
  return (
    (idleTimeoutMs === undefined || typeof idleTimeoutMs === 'number') &&
    (persistent === undefined || typeof persistent === 'boolean')
  );
}

function isFieldEntry(value: unknown): boolean {
  return Array.isArray(value) && typeof value[0] === 'string' && Number.isSafeInteger(value[1]) && value[1] >= 0;
}

function fieldsOf(key: SessionKey, entries: readonly FieldEntry[], texts: string): Record<string, string> {
  const fields = emptyFields(entries.length);
  let at = 0;
  for (const [name, length, escaped] of entries) {
    const written = texts.slice(at, at + length);
    setField(fields, name, escaped === 1 ? unescaped(key, written) : written);
    at += length;
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
