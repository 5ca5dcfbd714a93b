import type { App } from '../app.ts';
import { startProgress } from '../progress.ts';
import { isReadable, readSessions, walkOf } from '../seen-session.ts';
import { collectFigures } from '../session-figures.ts';
import { figureLines } from '../figure-lines.ts';
import { locationOf, openStorage } from '../storage.ts';
import type { Terminal } from '../terminal.ts';

export interface StatsFlags {
  /** How many sessions are read, at most; Infinity: all. */
  limit: number;
  json?: true;
}

/** Counts, sizes and ages, from a walk that ends at the limit. */
export async function stats(app: App, { limit, json }: StatsFlags, { out }: Terminal): Promise<void> {
  const storage = await openStorage(app);
  try {
    const figures = collectFigures(Date.now());
    const progress = startProgress('Reading', limit);
    let number = 0;
    let isCut = false;
    try {
      for await (const session of readSessions(storage.store, walkOf(storage.store))) {
        if (number === limit) {
          isCut = true;
          break;
        }
        number += 1;
        if (isReadable(session)) figures.add(session);
        else figures.addUnreadable();
        progress.advance(number);
      }
    } finally {
      progress.stop();
    }
    const result = { storage: locationOf(storage), isComplete: !isCut, ...figures.result() };
    if (json) out.json(result);
    else for (const line of figureLines(result, out)) out.line(line);
  } finally {
    await storage.close();
  }
}
