import {
  type EndMarker,
  SessError,
  type SessionKey,
  type SessionRecord,
  type StoredSession,
  type Successor,
} from '@sess/core';
import { emptyFields, setField, stringOf } from '@sess/core/internal';

/**
 * The column `body`: a readable first line, then the texts of the fields, one after the other.
 *
 *     1 [1767139200000,1767139200000,1767225600000,"w3 w2","u1",0,0,"cart",9,"userId",4]   and a line feed
 *     ["x","y"]"u1"
 *
 * After the version of the format: createdAt, touchedAt, expiresAt, write ids, owner or 0, settings or 0, whether all texts
 * together are written as one JSON string (PostgreSQL keeps neither NUL nor lone surrogates), then name and length of each
 * text. So a value is a piece of the string, which nobody parses before the app looks at it: at 60 KB JSON around the texts
 * costs half a millisecond more for a read and a write.
 *
 * An end marker is `1 ended`, with a successor `1 rotated 60303ae2...`; its `version` is NULL.
 */
const format = '1 ';

export function encodeRecord(record: SessionRecord): string {
  const { createdAt, touchedAt, expiresAt, writeIds, owner, settings, fields } = record;
  const lengths: unknown[] = [];
  let texts = '';
  for (const name of Object.keys(fields)) {
    const text = stringOf(fields[name] ?? '');
    lengths.push(name, text.length);
    texts += text;
  }
  const isPlain = texts.isWellFormed() && !texts.includes('\0');
  const start = [createdAt, touchedAt, expiresAt, writeIds.join(' '), owner ?? 0, settings ?? 0, isPlain ? 0 : 1];
  return `${format}${JSON.stringify([...start, ...lengths])}\n${isPlain ? texts : JSON.stringify(texts)}`;
}

export function encodeMarker(successor?: Successor): string {
  return format + (successor === undefined ? 'ended' : `${successor.by} ${successor.key}`);
}

/**
 * What a row holds.
 *
 * @throws `STORE_CORRUPT` or `STORE_TOO_NEW`
 */
export function decodeRow(key: SessionKey, version: unknown, body: unknown): StoredSession | EndMarker {
  if (typeof body !== 'string' || !body.startsWith(format)) throw isNewer(body) ? tooNew(key) : corrupt(key);
  try {
    return version === null ? decodeMarker(body) : { version, record: decodeRecord(body) };
  } catch (cause) {
    throw corrupt(key, cause);
  }
}

function decodeMarker(body: string): EndMarker {
  if (body === encodeMarker()) return { ended: true };
  const [, by, key] = /^1 (rotated|regenerated) ([0-9a-f]{64})$/.exec(body) ?? [];
  if (key === undefined || (by !== 'rotated' && by !== 'regenerated')) throw new TypeError('not an end marker');
  return { ended: true, successor: { key, by } };
}

function decodeRecord(body: string): SessionRecord {
  const lineEnd = body.indexOf('\n');
  const line: unknown = JSON.parse(body.slice(format.length, lineEnd));
  if (!Array.isArray(line) || lineEnd < 0) throw new TypeError('not a first line');
  const [createdAt, touchedAt, expiresAt, writeIds, owner, settings, isEscaped]: unknown[] = line;
  if (typeof createdAt !== 'number' || typeof touchedAt !== 'number' || typeof expiresAt !== 'number')
    throw new TypeError('not a time');
  if (typeof writeIds !== 'string' || (owner !== 0 && typeof owner !== 'string')) throw new TypeError('not a name');
  if (typeof settings !== 'object' && settings !== 0) throw new TypeError('not settings');
  const texts: unknown = isEscaped === 1 ? JSON.parse(body.slice(lineEnd)) : body.slice(lineEnd + 1);
  if (typeof texts !== 'string') throw new TypeError('not texts');
  return {
    fields: cutTexts(texts, line.slice(7)),
    createdAt,
    touchedAt,
    expiresAt,
    writeIds: writeIds === '' ? [] : writeIds.split(' '),
    ...(owner !== 0 && { owner }),
    ...(settings !== 0 && settings !== null && { settings }),
  };
}

function cutTexts(texts: string, lengths: readonly unknown[]): SessionRecord['fields'] {
  const fields = emptyFields(lengths.length / 2);
  let from = 0;
  for (let at = 0; at < lengths.length; at += 2) {
    const [name, length] = [lengths[at], lengths[at + 1]];
    if (typeof name !== 'string' || typeof length !== 'number') throw new TypeError('not a text');
    setField(fields, name, texts.slice(from, (from += length)));
  }
  if (from !== texts.length) throw new TypeError('texts are cut off');
  return fields;
}

function isNewer(body: unknown): boolean {
  return typeof body === 'string' && /^[1-9]\d* /.test(body);
}

function corrupt(key: SessionKey, cause?: unknown): SessError {
  const text = `The row of the session ${key} is torn, or is not a session. It was left alone; look at it, then delete it.`;
  return new SessError('STORE_CORRUPT', text, { cause });
}

function tooNew(key: SessionKey): SessError {
  const text = `The session ${key} was written by a newer version of @sess/postgres. Update this one.`;
  return new SessError('STORE_TOO_NEW', text);
}
