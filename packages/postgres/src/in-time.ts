import { beginDeadline } from '@sess/core/internal';
import { tooLate } from './postgres-errors.ts';
import type { PostgresClient } from './postgres-pool.ts';

/** A connection that comes too late goes back. */
export function inTime(connecting: Promise<PostgresClient>, by: number): Promise<PostgresClient> {
  return new Promise((resolve, reject) => {
    const end = beginDeadline(by - performance.now(), () => {
      reject(tooLate());
      connecting.then((client) => client.release()).catch(() => {});
    });
    void connecting.then(resolve, reject).finally(end);
  });
}
