import { randomBytes } from 'node:crypto';

/**
 * A session's directory holds one more directory, the *token*, and that holds the data file:
 *
 *     cur_<expiresAt>_<touchedAt>_<data id>_<nonce>/   the token of a session: names its data file
 *     end_<until>_<diedAt>_<nonce>/                    the token of an ended one (until 0: no marker)
 *         data_<id>                                    a record; only the one that the token names counts
 *         spare                                        the file of the record before; the next one goes into it
 *
 * What changes without the data is in the token's name, so a touch is one rename and a sweep opens no
 * file. Every rename gives the token a new nonce, so a name that was once read never comes back with
 * another meaning; and since data files lie inside, whoever has an old name can not even write one.
 * Ids and nonces are lower case: file systems of macOS fold case.
 */
export interface LiveToken {
  kind: 'live';
  name: string;
  expiresAt: number;
  touchedAt: number;
  dataId: string;
}

export interface EndToken {
  kind: 'end';
  name: string;
  /** How long the end marker stands. 0: none was asked for. */
  until: number;
  diedAt: number;
}

export type Token = LiveToken | EndToken;

/** A name part that was never used before. Begins with the time, which tells the age of leftovers. */
export function uniqueId(now: number): string {
  return `${Math.trunc(now).toString(36)}-${randomBytes(8).toString('hex')}`;
}

/** When {@link uniqueId} made the id that a name ends with. */
export function madeAt(name: string): number {
  const id = name.slice(name.lastIndexOf('_') + 1);
  return Number.parseInt(id.slice(0, id.lastIndexOf('-')), 36);
}

function nonce(): string {
  return randomBytes(8).toString('hex');
}

export function liveToken(expiresAt: number, touchedAt: number, dataId: string): LiveToken {
  return { kind: 'live', name: `cur_${expiresAt}_${touchedAt}_${dataId}_${nonce()}`, expiresAt, touchedAt, dataId };
}

export function endToken(until: number, diedAt: number): EndToken {
  return { kind: 'end', name: `end_${until}_${diedAt}_${nonce()}`, until, diedAt };
}

export function dataName(id: string): string {
  return `data_${id}`;
}

export const spareName = 'spare';

/** A directory that is being filled, and does not yet lie under its key. */
export function temporaryName(now: number): string {
  return `new_${uniqueId(now)}`;
}

/** A directory that is being deleted. */
export function trashName(now: number): string {
  return `old_${uniqueId(now)}`;
}

export function isTemporary(name: string): boolean {
  return name.startsWith('new_');
}

export function isTrash(name: string): boolean {
  return name.startsWith('old_');
}

/** What a session's directory holds: one token, or for a moment none. */
export interface Listing {
  tokens: Token[];
  /** Names of a later version of this library. */
  isNewer: boolean;
  /** Names of something else. */
  isForeign: boolean;
}

export function listing(names: readonly string[]): Listing {
  const found: Listing = { tokens: [], isNewer: false, isForeign: false };
  for (const name of names) {
    const token = parseToken(name);
    if (token !== undefined) found.tokens.push(token);
    else if (/^(?:cur|end)\d+_/.test(name)) found.isNewer = true;
    else found.isForeign = true;
  }
  return found;
}

function parseToken(name: string): Token | undefined {
  const parts = name.split('_');
  const [kind, first = '', second = '', third = ''] = parts;
  if (kind === 'cur' && parts.length === 5) {
    const token: Token = { kind: 'live', name, expiresAt: instant(first), touchedAt: instant(second), dataId: third };
    const isWhole = !Number.isNaN(token.expiresAt) && !Number.isNaN(token.touchedAt) && /^[-0-9a-z]+$/.test(third);
    return isWhole ? token : undefined;
  }
  if (kind === 'end' && parts.length === 4) {
    const token: Token = { kind: 'end', name, until: instant(first), diedAt: instant(second) };
    return Number.isNaN(token.until) || Number.isNaN(token.diedAt) ? undefined : token;
  }
  return undefined;
}

function instant(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}
