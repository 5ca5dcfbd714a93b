import { type App } from '../app.ts';
import { isReadable, keysOf, readSessions, walkOf } from '../seen-session.ts';
import { sessionBlock, sessionJson, sessionRow } from '../session-lines.ts';
import { locationOf, openStorage } from '../storage.ts';
import { type Screen, type Terminal, jsonText } from '../terminal.ts';

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
    const keys = owner === undefined ? walkOf(storage.store) : keysOf(storage.store, owner);
    const listing = json ? startListing(out, locationOf(storage)) : undefined;
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
      if (listing) listing.add(sessionJson(session));
      else if (!out.isTerminal) out.line(sessionRow(session));
      else out.line(`${sessionBlock(session, out, Date.now())}\n`);
      await out.drained();
    }
    if (listing) return listing.end(!isCut);
    if (number === 0) err.line(`No sessions${owner === undefined ? '' : ' of this owner'} in ${locationOf(storage)}.`);
    if (isCut) err.line(err.paint('yellow', `There are more. Ask for them: --limit ${number * 10}, or --limit all`));
  } finally {
    await storage.close();
  }
}

/** Written as it is read: the sessions of a large store fit in no text. */
function startListing(out: Screen, storage: string): { add(session: object): void; end(isComplete: boolean): void } {
  let isFirst = true;
  const next = (text: string): void => {
    out.line(isFirst ? text : `,${text}`);
    isFirst = false;
  };
  out.line(`{ "storage": ${jsonText(JSON.stringify(storage))}, "sessions": [`);
  return {
    add: (session) => next(jsonText(JSON.stringify(session))),
    end: (isComplete) => out.line(`], "isComplete": ${isComplete} }`),
  };
}
