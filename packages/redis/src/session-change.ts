import type { SessionChange } from '@sess/core';
import { encodeText } from './session-record.ts';

/** A change, as the arguments of the update script behind the first: a letter for each part, then what the parts need. */
export function changeArguments({ expect, set, revise, unset, owner, settings }: SessionChange): string[] {
  let letters = '';
  const list = [''];
  // Comparisons first: nothing of a change is done before all of them held.
  for (const name in expect) {
    const text = expect[name];
    letters += text === undefined ? 'm' : 'e';
    list.push(encodeText(name));
    if (text !== undefined) list.push(encodeText(text));
  }
  for (const name in set) {
    letters += 's';
    list.push(encodeText(name), encodeText(set[name] ?? ''));
  }
  for (const name in revise) {
    letters += 'r';
    list.push(encodeText(name), encodeText(revise[name] ?? ''));
  }
  for (const name of unset ?? []) {
    letters += 'u';
    list.push(encodeText(name));
  }
  if (owner === null) {
    letters += 'n';
  } else if (owner !== undefined) {
    letters += 'o';
    list.push(encodeText(owner));
  }
  if (settings !== undefined) {
    letters += 'c';
    list.push(JSON.stringify(settings));
  }
  list[0] = letters;
  return list;
}
