import { SessError, type SessionKey, type SessionRecord, type SessionSettings } from '@sess/core';

/**
 * How a session lies in its Redis hash. Data fields start with a dot, so that no key of a user can meet the record's
 * own fields; those have one letter, since every session pays for them:
 *
 * `v` format version, `i` the first 8 digits of the key (a record found under another key is nobody's session),
 * `c` createdAt, `t` touchedAt, `e` expiresAt, `o` owner, `s` settings as JSON, `k` the tokens of the last writes.
 *
 * An end marker has `v`, `i` and `x`, the token of the destroy that left it, and nothing else.
 */
export const formatVersion = '1';

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

/** Fields and values of a new session, in the order of HSET. */
export function encodeRecord(key: SessionKey, record: SessionRecord, token: string): string[] {
  const own = ['v', formatVersion, 'i', identityOf(key), 'c', String(record.createdAt), 't', String(record.touchedAt)];
  own.push('e', String(record.expiresAt), 'k', token);
  if (record.owner !== undefined) own.push('o', encodeText(record.owner));
  if (record.settings !== undefined) own.push('s', JSON.stringify(record.settings));
  for (const [name, text] of Object.entries(record.fields)) own.push(fieldName(name), encodeText(text));
  return own;
}

/**
 * Reads a hash as `HGETALL` returns it.
 *
 * @throws `STORE_CORRUPT` or `STORE_TOO_NEW`
 */
export function decodeHash(key: SessionKey, hash: Record<string, string>): SessionRecord | 'ended' | undefined {
  const names = Object.keys(hash);
  if (names.length === 0) return undefined;
  if (hash['v'] !== formatVersion) throw /^[1-9]\d*$/.test(hash['v'] ?? '') ? tooNew(key) : corrupt(key);
  if (hash['i'] !== identityOf(key)) throw corrupt(key);
  if (hash['x'] !== undefined) return 'ended';
  try {
    const record: SessionRecord = {
      fields: {},
      createdAt: instant(hash['c']),
      touchedAt: instant(hash['t']),
      expiresAt: instant(hash['e']),
    };
    if (hash['o'] !== undefined) record.owner = decodeText(hash['o']);
    if (hash['s'] !== undefined) record.settings = settingsOf(hash['s']);
    for (const name of names) {
      if (name.charCodeAt(0) === 46) put(record.fields, decodeText(name.slice(1)), decodeText(hash[name] ?? ''));
    }
    return record;
  } catch (error) {
    throw corrupt(key, error);
  }
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

function instant(text: string | undefined): number {
  const number = Number(text);
  if (text === undefined || text.trim() === '' || !Number.isFinite(number)) throw new TypeError('not an instant');
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
