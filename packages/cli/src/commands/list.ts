import { type App } from '../app.ts';
import { type SeenSession, type UnreadableSession, isReadable, keysOf, readSessions, walkOf } from '../seen-session.ts';
import { sessionJson, sessionRow } from '../session-lines.ts';
import { sessionTable } from '../session-table.ts';
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
    const listing = listingFor(out, json === true, locationOf(storage));
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
      listing.add(session);
      await out.drained();
    }
    listing.end(!isCut);
    if (json) return;
    if (number === 0) err.line(`No sessions${owner === undefined ? '' : ' of this owner'} in ${locationOf(storage)}.`);
    if (isCut) err.line(err.paint('yellow', `There are more. Ask for them: --limit ${number * 10}, or --limit all`));
  } finally {
    await storage.close();
  }
}

/** Written as it is read: the sessions of a large store fit in no text. */
interface Listing {
  add(session: SeenSession | UnreadableSession): void;
  end(isComplete: boolean): void;
}

function listingFor(out: Screen, isJson: boolean, storage: string): Listing {
  if (isJson) return jsonListing(out, storage);
  return out.isTerminal ? tableListing(out) : { add: (session) => out.line(sessionRow(session)), end() {} };
}

/** A table needs its widest cells first: it comes in portions, each with widths of its own. */
const PORTION = 100;

function tableListing(out: Screen): Listing {
  let portion: (SeenSession | UnreadableSession)[] = [];
  function flush(): void {
    if (portion.length > 0) for (const line of sessionTable(portion, out, Date.now())) out.line(line);
    portion = [];
  }
  return {
    add(session) {
      portion.push(session);
      if (portion.length === PORTION) flush();
    },
    end: flush,
  };
}

function jsonListing(out: Screen, storage: string): Listing {
  let isFirst = true;
  const next = (text: string): void => {
    out.line(isFirst ? text : `,${text}`);
    isFirst = false;
  };
  out.line(`{ "storage": ${jsonText(JSON.stringify(storage))}, "sessions": [`);
  return {
    add: (session) => next(jsonText(JSON.stringify(sessionJson(session)))),
    end: (isComplete) => out.line(`], "isComplete": ${isComplete} }`),
  };
}
