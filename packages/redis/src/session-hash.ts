import { SessError, type SessionKey, type SessionRecord, type SessionSettings } from '@sess/core';

/**
 * How a session lies in its Redis hash. Data fields start with a dot, so that no key of a user can meet the record's
 * own fields; those have one letter, since every session pays for them:
 *
 * - `m` format version, the first 8 digits of the key (a record found under another key is nobody's session),
 *   createdAt, touchedAt, expiresAt, the last write's token; with a space between. A later version begins with its
 *   number and a space too.
 * - `k` the tokens of other writers' last writes, `o` owner, `s` settings as JSON; if there are any.
 *
 * An end marker has `m`, without the times and the token, and `x`, the token of the destroy that left it.
 *
 * Redis keeps a small hash in one compact block as long as no value is longer than 64 bytes; otherwise it takes two to
 * three times the memory. So a text of medium length lies in pieces: the first under the field's name, the next under
 * `;1` and the name, and so on. For a long text that is not worth it.
 */
const pieceBytes = 64;
const pieceWiseUpTo = 256;

export function identityOf(key: SessionKey): string {
  return key.slice(0, 8);
}

/** The name of a data field. */
export function fieldName(name: string): string {
  return `.${encodeText(name)}`;
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

/** A text, as it is stored: one piece, or as many as it takes. */
export function piecesOf(text: string): string[] {
  const encoded = encodeText(text);
  const bytes = Buffer.byteLength(encoded);
  if (bytes <= pieceBytes || bytes > pieceWiseUpTo) return [encoded];
  const pieces: string[] = [];
  let piece = '';
  let size = 0;
  // By characters: each piece is UTF-8 of its own.
  for (const character of encoded) {
    const more = Buffer.byteLength(character);
    if (size + more > pieceBytes) {
      pieces.push(piece);
      piece = '';
      size = 0;
    }
    piece += character;
    size += more;
  }
  return [...pieces, piece];
}

/** Fields and values of a new session, in the order of HSET. */
export function encodeRecord(key: SessionKey, record: SessionRecord, token: string): string[] {
  const { createdAt, touchedAt, expiresAt, owner, settings, fields } = record;
  const list = ['m', `1 ${identityOf(key)} ${createdAt} ${touchedAt} ${expiresAt} ${token}`];
  if (owner !== undefined) list.push('o', encodeText(owner));
  if (settings !== undefined) list.push('s', JSON.stringify(settings));
  for (const [name, text] of Object.entries(fields)) {
    const field = fieldName(name);
    for (const [number, piece] of piecesOf(text).entries())
      list.push(number === 0 ? field : `;${number}${field}`, piece);
  }
  return list;
}

/**
 * Reads a hash as `HGETALL` returns it.
 *
 * @throws `STORE_CORRUPT` or `STORE_TOO_NEW`
 */
export function decodeHash(key: SessionKey, hash: Record<string, string>): SessionRecord | 'ended' | undefined {
  const names = Object.keys(hash);
  if (names.length === 0) return undefined;
  const [, version, rest = ''] = /^(\d+) (.*)$/s.exec(hash['m'] ?? '') ?? [];
  if (version !== '1') throw /^[1-9]/.test(version ?? '') ? tooNew(key) : corrupt(key);
  const [identity, ...parts] = rest.split(' ');
  if (identity !== identityOf(key)) throw corrupt(key);
  if (hash['x'] !== undefined) return 'ended';
  try {
    if (parts.length !== 4) throw new TypeError('not three instants and a token');
    const [createdAt = Number.NaN, touchedAt = Number.NaN, expiresAt = Number.NaN] = parts.slice(0, 3).map(instant);
    const record: SessionRecord = { fields: fieldsOf(hash), createdAt, touchedAt, expiresAt };
    if (hash['o'] !== undefined) record.owner = decodeText(hash['o']);
    if (hash['s'] !== undefined) record.settings = settingsOf(hash['s']);
    return record;
  } catch (error) {
    throw corrupt(key, error);
  }
}

function fieldsOf(hash: Record<string, string>): Record<string, string> {
  const fields: Record<string, string> = {};
  let pieceCount = 0;
  for (const name of Object.keys(hash)) {
    const first = name.charAt(0);
    if (first === ';') pieceCount += 1;
    if (first !== '.') continue;
    let text = hash[name] ?? '';
    for (let number = 1, piece: string | undefined; (piece = hash[`;${number}${name}`]) !== undefined; number += 1) {
      text += piece;
      pieceCount -= 1;
    }
    put(fields, decodeText(name.slice(1)), decodeText(text));
  }
  if (pieceCount !== 0) throw new TypeError('pieces are missing');
  return fields;
}

/** The same for a hash as a script returns it: names and values in turn. */
export function decodeList(key: SessionKey, list: readonly unknown[]): SessionRecord {
  const hash: Record<string, string> = {};
  for (let at = 0; at + 1 < list.length; at += 2) hash[String(list[at])] = String(list[at + 1]);
  const record = decodeHash(key, hash);
  if (record === undefined || record === 'ended') throw corrupt(key);
  return record;
}

function put(fields: Record<string, string>, name: string, text: string): void {
  if (name !== '__proto__') fields[name] = text;
  else Object.defineProperty(fields, name, { value: text, enumerable: true, configurable: true, writable: true });
}

function instant(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number)) throw new TypeError('not an instant');
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
