import type { SessionKey } from '@sess/core';
import type { Database } from './database.ts';
import type { Statements } from './statements.ts';

/**
 * Tells whoever listens of sessions that have ended. Nobody waits for it, and a failure is ignored: core reads watched
 * sessions anyway, if later. What ends while one statement is under way goes out with the next one.
 */
export function endTeller(database: Database, sql: Statements): (key: SessionKey) => void {
  const ended: SessionKey[] = [];
  let isTelling = false;

  async function tell(): Promise<void> {
    isTelling = true;
    while (ended.length > 0) await database.run(sql.tellEnds, [ended.splice(0)], database.soon()).catch(() => {});
    isTelling = false;
  }

  return (key) => {
    ended.push(key);
    if (!isTelling) void tell();
  };
}
