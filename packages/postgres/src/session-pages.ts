import type { OwnerPage, SessionKey } from '@sess/core';
import type { Database } from './database.ts';
import { ownerOf } from './session-verbs.ts';
import type { Statement, Statements } from './statements.ts';

/** All live keys, of one owner or of everybody, page by page in the order of the keys: what is there is shown once. */
export function sessionPages(database: Database, sql: Statements) {
  /** Pages hold expired rows too: there may be many between two live ones, and no page should take longer for them. */
  async function* pages(statement: Statement, ...values: unknown[]): AsyncGenerator<SessionKey[]> {
    for (let last = ''; ;) {
      const { rows } = await database.run(statement, [Buffer.from(last, 'hex'), ...values], database.soon());
      yield rows.filter(({ is_live }) => is_live === true).map(({ key }) => String(key));
      if (rows.length < 1000) return;
      last = String(rows.at(-1)?.['key']);
    }
  }

  return {
    /** The index is over the rows themselves, so it has no entries to forget. */
    async *keysByOwner(owner: string): AsyncGenerator<OwnerPage> {
      for await (const keys of pages(sql.ofOwner, ownerOf(owner))) yield { keys, forget: async () => {} };
    },

    async *walk(): AsyncGenerator<SessionKey> {
      for await (const keys of pages(sql.all)) yield* keys;
    },
  };
}
