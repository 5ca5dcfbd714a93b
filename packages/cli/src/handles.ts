import type { SessionKey, SessionStore } from '@sess/core';
import { CommandError, exitCodes } from './exit-codes.ts';
import { walkOf } from './seen-session.ts';

/** So many digits are shown: of a million sessions two share them once in 560 stores. */
const SHOWN_DIGITS = 12;

/** With fewer a slip of the finger ends somebody's session. */
const FEWEST_DIGITS = 4;

/** The beginning of a handle, for people. Every command takes it as long as no other session begins with it. */
export function shortHandle(handle: SessionKey): string {
  return handle.slice(0, SHOWN_DIGITS);
}

/**
 * @throws CommandError for what is no handle, nor the beginning of one. What was typed is not repeated: it may be a
 * token, which is as good as a password.
 */
export function assertHandle(text: string): void {
  if (/^[0-9a-f]{4,64}$/.test(text)) return;
  const isToken = /^[\w-]{43}(\.|$)/.test(text);
  throw new CommandError(
    exitCodes.usage,
    isToken
      ? 'That looks like the token from a cookie, which is secret: keep it out of the command line. A handle is 64 hex digits, as in logs and in sess list.'
      : `That is no handle: a handle is 64 hex digits, as in logs (session.handle) and in sess list, or at least the first ${FEWEST_DIGITS} of them.`,
  );
}

export interface WholeHandles {
  /** Each once, in full. */
  handles: SessionKey[];
  /** How many of the shortened ones are the beginning of none. */
  unknown: number;
}

/**
 * The handles in full. Whole ones are taken as they are; for shortened ones the store's keys are walked once.
 *
 * @throws CommandError where several sessions begin with what was given
 */
export async function wholeHandles(store: SessionStore, given: readonly string[]): Promise<WholeHandles> {
  const handles = new Set(given.filter((text) => text.length === 64));
  const found = new Map<string, SessionKey[]>();
  for (const start of given) if (start.length < 64) found.set(start, []);
  if (found.size > 0)
    for await (const key of walkOf(store))
      for (const [start, keys] of found) if (key.startsWith(start) && keys.length < 3) keys.push(key);
  let unknown = 0;
  for (const [start, [first, second, third]] of found) {
    if (first === undefined) unknown += 1;
    else if (second === undefined) handles.add(first);
    else throw ambiguous(start, [first, second], third !== undefined);
  }
  return { handles: [...handles], unknown };
}

function ambiguous(start: string, [first, second]: [SessionKey, SessionKey], areMore: boolean): CommandError {
  let digits = start.length + 1;
  while (first.slice(0, digits) === second.slice(0, digits)) digits += 1;
  const some = [first, second].map((key) => key.slice(0, Math.max(digits, SHOWN_DIGITS))).join(' and ');
  return new CommandError(
    exitCodes.usage,
    `Several sessions begin with ${start}: ${some}${areMore ? ', and more' : ''}. Give more digits. Nothing was done.`,
  );
}
