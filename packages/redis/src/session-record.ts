import { SessError, type SessionKey, type SessionRecord, type SessionSettings } from '@sess/core';
import { emptyFields, setField } from '@sess/core/internal';

/**
 * How a session lies in Redis: as one text, since that is what a client reads with the least work, and what takes the
 * least memory there. (A hash with a field for each key costs a client twice the time to read.)
 *
 *     1 9f86d081 1767139200000 0 86400000 q8Zr1A00001 [0,0,"userId",4,"cart",9]     and a line feed
 *     "u1"["x","y"]
 *
 * In the first line: format version, the first 8 digits of the key (a record found under another key is nobody's
 * session), createdAt, touchedAt as the time since then, expiresAt as the time since that, the tokens of the last
 * writes, newest first, and a list: owner or 0, settings as JSON or 0, then name and length of each text in bytes, in
 * their order. A number behind them tells how many bytes at the end are unused.
 *
 * A token has 11 characters. The one of the last write is all there is while one process at a time writes; of others,
 * the last five stay. Where more write within a minute, each token behind the fifth has three digits more: until when it
 * is kept, in seconds of the server's clock, modulo 1000. A token of eight dots and such digits, the last one, stands
 * for those that were dropped before their time.
 *
 * An end marker is `1 9f86d081 - q8Zr1A00002`, with the token of the destroy that left it. A later version of the format
 * begins with its number and a space too.
 */
const version = '1';

export function identityOf(key: SessionKey): string {
  return key.slice(0, 8);
}

/**
 * UTF-8 has no lone surrogates: they would all become the same replacement character, and two keys one field.
 * A text that has one is stored as NUL and its JSON, which escapes them; so is, to keep the two apart, a text that
 * starts with NUL.
 */
export function encodeText(text: string): string {
  return text.isWellFormed() && text.charCodeAt(0) !== 0 ? text : `\0${JSON.stringify(text)}`;
}

export function decodeText(text: string): string {
  if (text.charCodeAt(0) !== 0) return text;
  const decoded: unknown = JSON.parse(text.slice(1));
  if (typeof decoded !== 'string') throw new TypeError('not a text');
  return decoded;
}

/** Longer texts come first: a change of one behind them does not move them. */
const longBytes = 1024;

/** A new session, as it is stored. */
export function encodeRecord(key: SessionKey, record: SessionRecord, token: string): string {
  const { createdAt, touchedAt, expiresAt, owner, settings, fields } = record;
  const list: unknown[] = [
    owner === undefined ? 0 : encodeText(owner),
    settings === undefined ? 0 : JSON.stringify(settings),
  ];
  const short: unknown[] = [];
  let longTexts = '';
  let shortTexts = '';
  for (const name of Object.keys(fields)) {
    const text = encodeText(fields[name] ?? '');
    const bytes = Buffer.byteLength(text);
    if (bytes > longBytes) {
      list.push(encodeText(name), bytes);
      longTexts += text;
    } else {
      short.push(encodeText(name), bytes);
      shortTexts += text;
    }
  }
  list.push(...short);
  const times = `${createdAt} ${touchedAt - createdAt} ${expiresAt - touchedAt}`;
  return `${version} ${identityOf(key)} ${times} ${token} ${JSON.stringify(list)}\n${longTexts}${shortTexts}`;
}

/**
 * Reads what `GET` returns.
 *
 * @throws `STORE_CORRUPT` or `STORE_TOO_NEW`
 */
export function decodeRecord(key: SessionKey, stored: string | null): SessionRecord | 'ended' | undefined {
  if (stored === null) return undefined;
  if (!stored.startsWith(`${version} `)) throw /^[1-9]\d* /.test(stored) ? tooNew(key) : corrupt(key);
  if (!stored.startsWith(identityOf(key), 2)) throw corrupt(key);
  try {
    if (stored.startsWith(' - ', 10)) return 'ended';
    return parseRecord(stored);
  } catch (error) {
    throw corrupt(key, error);
  }
}

/** Whether the first 13 characters are those of a session, and not of an end marker. */
export function looksLive(start: string): boolean {
  return /^[1-9]\d* /.test(start) && !start.endsWith(' - ');
}

const headShape = /^1 [\da-f]{8} (\S+) (\S+) (\S+) (?:(?:\S{11}){1,4}|\S{55}(?:\S{14})*) (?=\[)/;

function parseRecord(stored: string): SessionRecord {
  const end = stored.indexOf('\n');
  const head = headShape.exec(stored);
  if (end === -1 || head === null) throw new TypeError('not a first line');
  const createdAt = duration(head[1]);
  const touchedAt = createdAt + duration(head[2]);
  const expiresAt = touchedAt + duration(head[3]);
  const list: unknown = JSON.parse(stored.slice(head[0].length, end));
  if (!Array.isArray(list) || list.length < 2) throw new TypeError('not a list');
  const [owner, settings]: unknown[] = list;
  const record: SessionRecord = { fields: fieldsOf(list, stored, end + 1), createdAt, touchedAt, expiresAt };
  if (typeof owner === 'string') record.owner = decodeText(owner);
  if (typeof settings === 'string') record.settings = settingsOf(settings);
  return record;
}

function fieldsOf(list: readonly unknown[], stored: string, start: number): Record<string, string> {
  const total = lengthOf(list);
  // As many characters as bytes: it is all ASCII. Else lengths count in UTF-8.
  if (stored.length - start === total) return cut(list, start, (from, to) => stored.slice(from, to));
  const bytes = Buffer.from(stored.slice(start));
  if (bytes.length !== total) throw new TypeError('texts are cut off');
  return cut(list, 0, (from, to) => bytes.toString('utf8', from, to));
}

function lengthOf(list: readonly unknown[]): number {
  let total = 0;
  for (let at = 3; at < list.length; at += 2) total += length(list[at]);
  return list.length % 2 === 1 ? total + length(list.at(-1)) : total;
}

function cut(
  list: readonly unknown[],
  start: number,
  slice: (from: number, to: number) => string,
): Record<string, string> {
  const fields = emptyFields(list.length / 2 - 1);
  let from = start;
  for (let at = 2; at + 1 < list.length; at += 2) {
    const name = list[at];
    if (typeof name !== 'string') throw new TypeError('not a name');
    const to = from + length(list[at + 1]);
    setField(fields, decodeText(name), decodeText(slice(from, to)));
    from = to;
  }
  return fields;
}

function length(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new TypeError('not a length');
  return value;
}

function duration(text: string | undefined): number {
  const number = Number(text);
  if (!Number.isFinite(number)) throw new TypeError('not a time');
  return number;
}

function settingsOf(text: string): SessionSettings {
  const found: unknown = JSON.parse(text);
  if (typeof found !== 'object' || found === null || Array.isArray(found)) throw new TypeError('not settings');
  const settings: SessionSettings = {};
  if ('idleTimeoutMs' in found && typeof found.idleTimeoutMs === 'number') settings.idleTimeoutMs = found.idleTimeoutMs;
  if ('persistent' in found && typeof found.persistent === 'boolean') settings.persistent = found.persistent;
  return settings;
}

export function corrupt(key: SessionKey, cause?: unknown): SessError {
  const text = `What Redis holds under the session ${key} is torn, or no session. It was left alone; look at it, then delete it.`;
  return new SessError('STORE_CORRUPT', text, { cause });
}

export function tooNew(key: SessionKey): SessError {
  return new SessError(
    'STORE_TOO_NEW',
    `The session ${key} was written by a newer version of @sess/redis. Update this one.`,
  );
}
