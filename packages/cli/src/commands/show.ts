import { isEndMarker } from '@sess/core';
import { stringOf } from '@sess/core/internal';
import type { App } from '../app.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { soon } from '../patience.ts';
import { size } from '../quantities.ts';
import { assertHandle, wholeHandles } from '../handles.ts';
import { seenSession } from '../seen-session.ts';
import { sessionBlock, sessionJson, sessionRow } from '../session-lines.ts';
import { openStorage } from '../storage.ts';
import { type Terminal, jsonText, printable } from '../terminal.ts';

export interface ShowFlags {
  key: readonly string[];
  json?: true;
}

/** One session: what it holds by name and size, and the values of those keys alone that were asked for by name. */
export async function show(app: App, given: string, { key, json }: ShowFlags, { out }: Terminal): Promise<void> {
  assertHandle(given);
  const storage = await openStorage(app);
  try {
    const [handle] = (await wholeHandles(storage.store, [given])).handles;
    const found = handle === undefined ? undefined : await storage.store.read(handle, soon());
    if (handle === undefined || found === undefined)
      throw new CommandError(exitCodes.found, 'There is no such session: it expired or was ended, or never was.');
    if (isEndMarker(found))
      throw new CommandError(
        exitCodes.found,
        'That session was ended by its own browser a moment ago (logout, or a new token).',
      );

    const { record } = found;
    const texts = key.map((name) => {
      const text = Object.hasOwn(record.fields, name) ? record.fields[name] : undefined;
      if (text === undefined)
        throw new CommandError(exitCodes.found, `The session has no key ${JSON.stringify(name)}.`);
      return [name, stringOf(text)] as const;
    });
    const session = seenSession(handle, record);
    if (json) {
      const values = Object.fromEntries(texts.map(([name, text]): [string, unknown] => [name, JSON.parse(text)]));
      const { settings } = record;
      out.json({ ...sessionJson(session), ...(settings && { settings }), ...(key.length > 0 && { values }) });
    } else if (texts.length > 0) {
      // The value that is stored, for `| jq`. A terminal is not to be commanded by it.
      for (const [, text] of texts) out.line(jsonText(text));
    } else if (out.isTerminal) {
      out.line(sessionBlock(session, out, Date.now()));
      const width = Math.max(0, ...session.keys.map(({ name }) => printable(name).length));
      for (const { name, bytes } of session.keys)
        out.line(`    ${printable(name).padEnd(width)}  ${out.paint('dim', size(bytes))}`);
    } else out.line(sessionRow(session));
  } finally {
    await storage.close();
  }
}
