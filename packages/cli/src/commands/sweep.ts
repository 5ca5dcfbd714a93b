import { hasAbility } from '@sess/core';
import type { App } from '../app.ts';
import { count } from '../quantities.ts';
import { locationOf, openStorage } from '../storage.ts';
import type { Terminal } from '../terminal.ts';

/** Removes what has expired, now. */
export async function sweep(app: App, { json }: { json?: true }, { out }: Terminal): Promise<void> {
  const storage = await openStorage(app);
  const { store } = storage;
  try {
    if (!hasAbility(store, 'sweep')) {
      const reason = 'the store cannot sweep';
      if (json) out.line(JSON.stringify({ removed: 0, reason }));
      else out.line(`Nothing to do: ${reason} (${locationOf(storage)}). In Redis sessions expire by themselves.`);
      return;
    }
    const report = await store.sweep();
    if (json) out.line(JSON.stringify(report));
    else out.line(`Removed ${count(report.removed, 'expired session')}; ${count(report.kept, 'session')} stay.`);
  } finally {
    await storage.close();
  }
}
