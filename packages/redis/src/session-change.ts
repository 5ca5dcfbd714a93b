import type { SessionChange } from '@sess/core';
import { encodeText, fieldName, piecesOf } from './session-hash.ts';

/** A change, as the arguments of the update script behind the common ones. */
export function changeArguments(
  change: SessionChange,
  timeToLiveMs: number,
  isAlone: boolean,
  periodMs: number,
): string[] {
  const { set = {}, revise = {}, unset = [], expect = {}, owner, settings } = change;
  const sets = Object.entries(set);
  const revises = Object.entries(revise);
  const expected = Object.entries(expect);
  const present = expected.filter((entry): entry is [string, string] => entry[1] !== undefined);
  const missing = expected.filter(([, text]) => text === undefined);

  const list = [String(change.touchedAt), String(change.expiresAt), String(timeToLiveMs), isAlone ? '1' : '0'];
  list.push(ownerArgument(owner), settings === undefined ? '' : JSON.stringify(settings), String(periodMs));
  list.push(String(sets.length), String(revises.length), String(unset.length));
  list.push(String(present.length), String(missing.length));
  for (const [name, text] of present) list.push(fieldName(name), encodeText(text));
  for (const [name] of missing) list.push(fieldName(name));
  for (const [name, text] of [...sets, ...revises]) {
    const pieces = piecesOf(text);
    list.push(fieldName(name), String(pieces.length), ...pieces);
  }
  for (const name of unset) list.push(fieldName(name));
  return list;
}

function ownerArgument(owner: string | null | undefined): string {
  if (owner === undefined) return '';
  return owner === null ? '-' : `=${encodeText(owner)}`;
}
