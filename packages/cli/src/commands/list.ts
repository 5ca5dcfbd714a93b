import { type App } from '../app.ts';
import { isReadable, keysOf, readSessions, walkOf } from '../seen-session.ts';
import { sessionBlock, sessionJson, sessionRow } from '../session-lines.ts';
import { locationOf, openStorage } from '../storage.ts';
import { type Terminal } from '../terminal.ts';

export interface ListFlags {
  owner?: string;
  /** Infinity: all. */
  limit: number;
  json?: true;
}

/** Sessions without their values, at most as many as asked for. */
export async function list(app: App, { owner, limit, json }: ListFlags, { out, err }: Terminal): Promise<void> {
  const storage = await openStorage(app);
  try {
    const keys = owner === undefined ? walkOf(storage.store) : await keysOf(storage.store, owner);
    const shown: object[] = [];
    let number = 0;
    let isCut = false;
    for await (const session of readSessions(storage.store, keys)) {
      // The index of owners only hints: what counts is the session.
      if (owner !== undefined && !(isReadable(session) && session.owner === owner)) continue;
      if (number === limit) {
        isCut = true;
        break;
      }
      number += 1;
      if (json) shown.push(sessionJson(session));
      else if (!out.isTerminal) out.line(sessionRow(session));
      else out.line(`${sessionBlock(session, out, Date.now())}\n`);
    }
    if (json) {
      out.line(JSON.stringify({ storage: locationOf(storage), isComplete: !isCut, sessions: shown }, undefined, 2));
      return;
    }
    if (number === 0) err.line(`No sessions${owner === undefined ? '' : ' of this owner'} in ${locationOf(storage)}.`);
    if (isCut) err.line(err.paint('yellow', `There are more. Ask for them: --limit ${number * 10}, or --limit all`));
  } finally {
    await storage.close();
  }
}
