import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { type Sessions, createSessions } from '@sess/core';
import type { App } from '../app.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { count } from '../quantities.ts';
import { assertHandle, isReadable, keysOf, readSessions } from '../seen-session.ts';
import { type Storage, locationOf, openStorage } from '../storage.ts';
import { type Terminal, printable } from '../terminal.ts';

export interface RevokeFlags {
  owner?: string;
  yes?: true;
  json?: true;
}

/** Ends sessions, wherever they are used: by handle, or all of an owner. */
export async function revoke(
  app: App,
  given: readonly string[],
  { owner, yes, json }: RevokeFlags,
  { out, err }: Terminal,
): Promise<void> {
  const handles = [...new Set(given)];
  if ((owner === undefined) === (handles.length === 0))
    throw new CommandError(exitCodes.usage, 'Say whose: handles, or --owner <owner>.');
  for (const handle of handles) assertHandle(handle);
  if (!yes && !(process.stdin.isTTY && err.isTerminal))
    throw new CommandError(exitCodes.usage, 'Nobody is here to be asked: say --yes.');

  const storage = await openStorage(app);
  try {
    if (!yes) {
      const what = owner === undefined ? count(handles.length, 'session') : await countOf(storage, owner);
      if (!(await isConfirmed(`Revoke ${what} in ${locationOf(storage)}?`))) {
        err.line('Nothing was revoked.');
        process.exitCode = exitCodes.found;
        return;
      }
    }
    const sessions = sessionsOf(storage);
    const revoked = owner === undefined ? await revokeAll(sessions, handles) : await sessions.revokeAll(owner);
    if (json) out.line(JSON.stringify({ revoked }));
    else out.line(`Revoked ${count(revoked, 'session')}.`);
    if (revoked < handles.length) {
      err.line(`${count(handles.length - revoked, 'handle')} had no session any more.`);
      process.exitCode = exitCodes.found;
    }
  } finally {
    await storage.close();
  }
}

/** The same revocation as an app's own. It signs nothing, so any secret will do. */
function sessionsOf({ store }: Storage): Sessions {
  return createSessions({
    store,
    secret: randomBytes(32).toString('base64url'),
    logger: false,
    env: {},
  });
}

async function revokeAll(sessions: Sessions, handles: readonly string[]): Promise<number> {
  let revoked = 0;
  for (const handle of handles) if (await sessions.revoke(handle)) revoked += 1;
  return revoked;
}

async function countOf(storage: Storage, owner: string): Promise<string> {
  let number = 0;
  for await (const session of readSessions(storage.store, keysOf(storage.store, owner)))
    if (isReadable(session) && session.owner === owner) number += 1;
  return `${count(number, 'session')} of ${printable(owner)}`;
}

/** Ctrl-C and Ctrl-D are no yes: of some versions of Node they end the question, of others they only close the input. */
async function isConfirmed(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const isClosed = once(lines, 'close').then(() => '\n');
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `).catch(() => '\n'), isClosed]);
    // The cursor still stands behind the question.
    if (answer === '\n') process.stderr.write(answer);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
