import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { type SessionStore, type Sessions, createSessions } from '@sess/core';
import type { App } from '../app.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { count } from '../quantities.ts';
import { assertHandle, wholeHandles } from '../handles.ts';
import { isReadable, keysOf, readSessions } from '../seen-session.ts';
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
  const wanted = [...new Set(given)];
  if ((owner === undefined) === (wanted.length === 0))
    throw new CommandError(exitCodes.usage, 'Say whose: handles, or --owner <owner>.');
  for (const handle of wanted) assertHandle(handle);
  if (!yes && !(process.stdin.isTTY && err.isTerminal))
    throw new CommandError(exitCodes.usage, 'Nobody is here to be asked: say --yes.');

  const storage = await openStorage(app);
  const sessions = sessionsOf(storage);
  try {
    const { handles, unknown } = await wholeHandles(storage.store, wanted);
    if (!yes) {
      const number = owner === undefined ? handles.length : await countOf(storage, owner);
      const what = `${count(number, 'session')}${owner === undefined ? '' : ` of ${printable(owner)}`}`;
      if (number > 0 && !(await isConfirmed(`Revoke ${what} in ${locationOf(storage)}?`))) {
        err.line('Nothing was revoked.');
        process.exitCode = exitCodes.found;
        return;
      }
    }
    const faults: Error[] = [];
    const revoked = owner === undefined ? await revokeEach(sessions, handles, faults) : await sessions.revokeAll(owner);
    if (json) out.line(JSON.stringify({ revoked }));
    else out.line(`Revoked ${count(revoked, 'session')}.`);
    if (faults[0] !== undefined) throw faults[0];
    const missing = owner === undefined ? unknown + handles.length - revoked : 0;
    if (missing > 0) err.line(`${count(missing, 'handle')} had no session any more.`);
    if (owner !== undefined && revoked === 0)
      err.line(`${printable(owner)} has no sessions in ${locationOf(storage)}: none is logged in by that owner.`);
    if (missing > 0 || revoked === 0) process.exitCode = exitCodes.found;
  } finally {
    // First: cut off, the trial of the storage would leave its own session there.
    await sessions.close();
    await storage.close();
  }
}

/** The same revocation as an app's own. It signs nothing, so any secret will do. */
function sessionsOf({ store }: Storage): Sessions {
  return createSessions({
    store: asGuestOf(store),
    secret: randomBytes(32).toString('base64url'),
    logger: false,
    env: {},
  });
}

/** The store without `noteApp`: with this secret noted there, every app would be warned of another app. */
function asGuestOf(store: SessionStore): SessionStore {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'noteApp') return undefined;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (...args: unknown[]): unknown => Reflect.apply(value, target, args) : value;
    },
  });
}

/** One that cannot be ended, a torn one say, does not keep the others from it. */
async function revokeEach(sessions: Sessions, handles: readonly string[], faults: Error[]): Promise<number> {
  let revoked = 0;
  for (const handle of handles) {
    try {
      if (await sessions.revoke(handle)) revoked += 1;
    } catch (error) {
      faults.push(error instanceof Error ? error : new Error(String(error)));
    }
  }
  return revoked;
}

async function countOf(storage: Storage, owner: string): Promise<number> {
  let number = 0;
  for await (const session of readSessions(storage.store, keysOf(storage.store, owner)))
    if (isReadable(session) && session.owner === owner) number += 1;
  return number;
}

/** Ctrl-C and Ctrl-D are not a yes: some versions of Node.js reject the question then, others only close the input. */
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
