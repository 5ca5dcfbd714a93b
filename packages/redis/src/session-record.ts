import {
  type FieldText,
  SessError,
  type SessionKey,
  type SessionRecord,
  type SessionSettings,
  type Successor,
} from '@sess/core';
import { emptyFields, setField } from '@sess/core/internal';
import { isSessionKey } from './session-key.ts';
import { decodeText } from './session-text.ts';
import { type LongText, StoredMarker, StoredState } from './stored-state.ts';

/**
 * How a session lies in Redis: as one string, since that is what a client reads with the least work, and what takes the
 * least memory there.
 *
 *     1 9f86d081 q8Zr1A00001 13 [1767139200000,1767139200000,1767225600000,"mw3","u1",0,"cart",9,"userId",4]   and a line feed
 *     ["x","y"]"u1"
 *
 * In the first line: format version; the first 8 digits of the key (a record found under another key is nobody's session);
 * the name of this state; how many bytes follow the line; and a list: createdAt, touchedAt, expiresAt, write ids, owner or
 * 0, settings or 0, then name and length in bytes of each text, in the order in which they follow. Spaces at the end of the
 * line, and after the last text, are room for later writes.
 *
 * An end marker is `1 9f86d081 - q8Zr1A00002`, with a name of its own; the successor follows, if there is one:
 * ` rotated 60303ae2...`. A later version of the format begins with its number and a space too.
 */
export const formatVersion = '1';

/** What everything under a key begins with that we have written. */
export function identityOf(key: SessionKey): string {
  return `${formatVersion} ${key.slice(0, 8)} `;
}

/** Whether the first 23 characters are those of a session, of any version of the format, and not of an end marker. */
export function looksLive(start: string): boolean {
  return /^[1-9]\d* \S+ (?!- )/.test(start);
}

/** What one state of a session begins with. */
export function startOf(key: SessionKey, name: string): string {
  return `${identityOf(key)}${name} `;
}

/** A longer text stays as the bytes that were read, and comes before the shorter ones, whose changes do not move it. */
export const mostShortBytes = 1024;

/**
 * Reads what `GET` returns.
 *
 * @throws `STORE_CORRUPT` or `STORE_TOO_NEW`
 */
export function decodeStored(key: SessionKey, stored: Buffer): StoredState | StoredMarker {
  const lineEnd = stored.indexOf(10);
  const line = stored.toString('utf8', 0, lineEnd === -1 ? 120 : lineEnd);
  if (!line.startsWith(identityOf(key)))
    throw /^[1-9]\d* /.test(line) && !line.startsWith(`${formatVersion} `) ? tooNew(key) : corrupt(key);
  try {
    return lineEnd === -1 ? parseMarker(line) : parseSession(stored, line, lineEnd + 1);
  } catch (error) {
    throw corrupt(key, error);
  }
}

const markerShape = /^\S+ \S+ - (\S{11})(?: (rotated|regenerated) (\S+))?$/;

function parseMarker(line: string): StoredMarker {
  const [, name, by, key] = markerShape.exec(line) ?? [];
  if (name === undefined) throw new TypeError('not an end marker');
  if (by !== 'rotated' && by !== 'regenerated') return new StoredMarker(name, { ended: true });
  if (!isSessionKey(key)) throw new TypeError('not a successor');
  return new StoredMarker(name, { ended: true, successor: { key, by } });
}

/** An end marker as it is stored. */
export function encodeMarker(key: SessionKey, name: string, successor?: Successor): string {
  return `${identityOf(key)}- ${name}${successor === undefined ? '' : ` ${successor.by} ${successor.key}`}`;
}

const lineShape = /^\S+ \S+ (\S{11}) (\d+) (?=\[)/;

function parseSession(stored: Buffer, line: string, headBytes: number): StoredState {
  const [start, name, bytes] = lineShape.exec(line) ?? [];
  if (start === undefined || name === undefined) throw new TypeError('not a first line');
  if (Number(bytes) !== stored.length - headBytes) throw new TypeError('texts are cut off');
  const list: unknown = JSON.parse(line.slice(start.length));
  if (!Array.isArray(list) || list.length < 6 || list.length % 2 !== 0) throw new TypeError('not a list');
  const [createdAt, touchedAt, expiresAt, writeIds, owner, settings]: unknown[] = list;
  const { fields, longTexts, shortTexts, tailBytes } = cutTexts(list, stored, headBytes);
  const record: SessionRecord = {
    fields,
    createdAt: time(createdAt),
    touchedAt: time(touchedAt),
    expiresAt: time(expiresAt),
    writeIds: namesOf(writeIds),
    ...(owner !== 0 && { owner: text(owner) }),
    ...(settings !== 0 && { settings: settingsOf(settings) }),
  };
  return new StoredState(name, record, headBytes, longTexts, shortTexts, tailBytes);
}

const none: readonly LongText[] = [];

function cutTexts(list: readonly unknown[], stored: Buffer, start: number) {
  const fields = emptyFields(list.length / 2 - 3);
  let at = 6;
  let from = start;
  let longTexts = none;
  for (; at < list.length && length(list[at + 1]) > mostShortBytes; at += 2) {
    const name = text(list[at]);
    const bytes = stored.subarray(from, (from += length(list[at + 1])));
    const found: FieldText = bytes[0] === 0 ? decodeText(bytes.toString()) : bytes;
    setField(fields, name, found);
    longTexts = [...longTexts, { name, text: found, stored: bytes, bytes: bytes.length }];
  }
  const tailAt = from;
  let total = 0;
  for (let next = at; next < list.length; next += 2) total += length(list[next + 1]);
  if (tailAt + total > stored.length) throw new TypeError('texts are cut off');
  const shortTexts = stored.toString('utf8', tailAt, tailAt + total);
  // As many characters as bytes: it is all ASCII. Else lengths count in UTF-8.
  const isAscii = shortTexts.length === total;
  for (from = 0; at < list.length; at += 2) {
    const to = from + length(list[at + 1]);
    const found = isAscii ? shortTexts.slice(from, to) : stored.toString('utf8', tailAt + from, tailAt + to);
    setField(fields, text(list[at]), decodeText(found));
    from = to;
  }
  return { fields, longTexts, shortTexts, tailBytes: stored.length - tailAt };
}

function length(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new TypeError('not a length');
  return value;
}

function time(value: unknown): number {
  if (typeof value !== 'number') throw new TypeError('not a time');
  return value;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('not a text');
  return value;
}

function namesOf(value: unknown): readonly string[] {
  const names = text(value);
  return names === '' ? [] : names.split(' ');
}

function settingsOf(found: unknown): SessionSettings {
  if (typeof found !== 'object' || found === null || Array.isArray(found)) throw new TypeError('not settings');
  const settings: SessionSettings = {};
  if ('idleTimeoutMs' in found && typeof found.idleTimeoutMs === 'number') settings.idleTimeoutMs = found.idleTimeoutMs;
  if ('persistent' in found && typeof found.persistent === 'boolean') settings.persistent = found.persistent;
  if ('label' in found && typeof found.label === 'string') settings.label = found.label;
  return settings;
}

export function corrupt(key: SessionKey, cause?: unknown): SessError {
  const text = `What Redis holds under the session ${key} is torn, or is not a session. It was left alone; look at it, then delete it.`;
  return new SessError('STORE_CORRUPT', text, { cause });
}

function tooNew(key: SessionKey): SessError {
  return new SessError(
    'STORE_TOO_NEW',
    `The session ${key} was written by a newer version of @sess/redis. Update this one.`,
  );
}
