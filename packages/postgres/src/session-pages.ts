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
      const found = rows.map(({ key, is_live }) => ({ key: String(key), isLive: is_live === true }));
      yield found.filter(({ isLive }) => isLive).map(({ key }) => key);
      if (found.length < 1000) break;
      last = found.at(-1)?.key ?? '';
    }
    // Throws on a standby: only a primary proves that these are all.
    await database.run(sql.role, [], database.soon());
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
