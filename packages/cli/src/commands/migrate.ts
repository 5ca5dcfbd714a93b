import { hasAbility } from '@sess/core';
import type { App } from '../app.ts';
import { count } from '../quantities.ts';
import { locationOf, openStorage } from '../storage.ts';
import type { Terminal } from '../terminal.ts';

export interface MigrateFlags {
  dryRun?: boolean;
  json?: true;
}

/** Makes the tables that the app's storage lacks, or prints the SQL that would. */
export async function migrate(app: App, { dryRun = false, json }: MigrateFlags, { out }: Terminal): Promise<void> {
  const storage = await openStorage(app);
  const { store } = storage;
  try {
    const place = locationOf(storage);
    const statements = hasAbility(store, 'migrate') ? await store.migrate({ isDryRun: dryRun }) : [];
    if (json) out.line(JSON.stringify({ isDryRun: dryRun, statements }));
    else if (statements.length === 0) out.line(`Nothing to do: ${place} has all that it needs.`);
    // Nothing but SQL, so that it can be piped into psql.
    else if (dryRun) for (const statement of statements) out.line(`${statement};`);
    else out.line(`Made what was missing in ${place}: ${count(statements.length, 'statement')}.`);
  } finally {
    await storage.close();
  }
}
