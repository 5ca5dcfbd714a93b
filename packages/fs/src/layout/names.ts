import { randomBytes } from 'node:crypto';
import type { SessionKey, Successor } from '@sess/core';

/**
 * A session's directory holds one more directory, the *stamp*, and that holds the data file:
 *
 *     cur_<expiresAt>_<touchedAt>_<data id>_<nonce>/        the stamp of a session: names its data file
 *     end_<until>_<endedAt>_<successor or none>_<nonce>/    the stamp of an ended one (until 0: no end marker)
 *         data_<id>                                         a record; only the one that the stamp names counts
 *
 * What changes without the data is in the stamp's name, so a touch is one rename and a sweep opens no
 * file. Every rename gives the stamp a new nonce, so a name that was once read never comes back with
 * another meaning: it is the version that a swap is compared with. And since data files lie inside,
 * whoever has an old name cannot even write one.
 * Ids and nonces are lower case: file systems of macOS fold case.
 */
export interface LiveStamp {
  kind: 'live';
  name: string;
  expiresAt: number;
  touchedAt: number;
  dataId: string;
}

export interface EndStamp {
  kind: 'end';
  name: string;
  /** How long the end marker stands. 0: none was asked for. */
  until: number;
  endedAt: number;
  successor?: Successor;
}

export type Stamp = LiveStamp | EndStamp;

/** A name part that was never used before. Begins with the time, which tells the age of leftovers. */
export function uniqueId(now: number): string {
  return `${Math.trunc(now).toString(36)}-${nonce()}`;
}

/** When {@link uniqueId} made the id that a name ends with. */
export function madeAt(name: string): number {
  const id = name.slice(name.lastIndexOf('_') + 1);
  return Number.parseInt(id.slice(0, id.lastIndexOf('-')), 36);
}

function nonce(): string {
  return randomBytes(8).toString('hex');
}

export function liveStamp(expiresAt: number, touchedAt: number, dataId: string): LiveStamp {
  return { kind: 'live', name: `cur_${expiresAt}_${touchedAt}_${dataId}_${nonce()}`, expiresAt, touchedAt, dataId };
}

export function endStamp(until: number, endedAt: number, successor?: Successor): EndStamp {
  const next = successor === undefined ? 'none' : `${successor.by}-${successor.key}`;
  const stamp: EndStamp = { kind: 'end', name: `end_${until}_${endedAt}_${next}_${nonce()}`, until, endedAt };
  if (successor !== undefined) stamp.successor = successor;
  return stamp;
}

export function dataName(id: string): string {
  return `data_${id}`;
}

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

/** What a session's directory holds: one stamp, or for a moment none. */
export interface Listing {
  stamps: Stamp[];
  /** Names of a later version of this library. */
  isNewer: boolean;
  /** Names of something else. */
  isForeign: boolean;
}

export function listing(names: readonly string[]): Listing {
  const found: Listing = { stamps: [], isNewer: false, isForeign: false };
  for (const name of names) {
    const stamp = parseStamp(name);
    if (stamp !== undefined) found.stamps.push(stamp);
    else if (/^(?:cur|end)\d+_/.test(name)) found.isNewer = true;
    else found.isForeign = true;
  }
  return found;
}

function parseStamp(name: string): Stamp | undefined {
  const parts = name.split('_');
  if (parts.length !== 5) return undefined;
  const [kind, first = '', second = '', third = ''] = parts;
  if (kind === 'cur') {
    const stamp: LiveStamp = {
      kind: 'live',
      name,
      expiresAt: instant(first),
      touchedAt: instant(second),
      dataId: third,
    };
    const isWhole = !Number.isNaN(stamp.expiresAt) && !Number.isNaN(stamp.touchedAt) && /^[-0-9a-z]+$/.test(third);
    return isWhole ? stamp : undefined;
  }
  if (kind !== 'end') return undefined;
  const stamp: EndStamp = { kind: 'end', name, until: instant(first), endedAt: instant(second) };
  const successor = parseSuccessor(third);
  if (Number.isNaN(stamp.until) || Number.isNaN(stamp.endedAt) || successor === undefined) return undefined;
  if (successor !== 'none') stamp.successor = successor;
  return stamp;
}

/** The stamp of a name that this process has read or made. */
export function knownLiveStamp(name: string): LiveStamp {
  const stamp = parseStamp(name);
  if (stamp?.kind !== 'live') throw new TypeError('Not the name of the stamp of a session.');
  return stamp;
}

/** The same of a session that has ended. */
export function knownEndStamp(name: string): EndStamp {
  const stamp = parseStamp(name);
  if (stamp?.kind !== 'end') throw new TypeError('Not the name of the stamp of an ended session.');
  return stamp;
}

function parseSuccessor(text: string): Successor | 'none' | undefined {
  if (text === 'none') return text;
  const [, by, key] = /^(rotated|regenerated)-([0-9a-f]{64})$/.exec(text) ?? [];
  if (key === undefined) return undefined;
  return { key: key satisfies SessionKey, by: by === 'rotated' ? by : 'regenerated' };
}

function instant(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}
