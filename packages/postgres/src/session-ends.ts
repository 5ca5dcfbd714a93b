import type { Closes, SessionKey, TellsEnds } from '@sess/core';
import { endListeners } from '@sess/core/internal';
import type pg from 'pg';
import { quoted } from './sql-text.ts';
import { listenersLock } from './statements.ts';

/** How long after a connection was lost, or did not come about, the next one is made. */
const againMs = 1000;

/**
 * Listens for the keys of sessions that end, on a connection of its own, which is there while somebody listens. Without a
 * connection messages are lost: no promise depends on them.
 *
 * @param newClient `undefined` where it can get no connection: then nothing is told
 */
export function sessionEnds(newClient: (() => pg.Client) | undefined, channel: string): TellsEnds & Closes {
  return endListeners((tell) => (newClient === undefined ? ignored : subscribe(newClient, channel, tell)));
}

/** @returns ends it */
function subscribe(newClient: () => pg.Client, channel: string, tell: (key: SessionKey) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;

  const connect = (): pg.Client => {
    const made = newClient()
      .on('notification', ({ payload = '' }) => tell(payload))
      .on('error', ignored)
      .on('end', again);
    void listen(made, channel);
    return made;
  };
  const again = (): void => {
    if (!isOver) timer = setTimeout(() => (client = connect()), againMs).unref();
  };
  let client = connect();

  return () => {
    isOver = true;
    clearTimeout(timer);
    client.end().catch(ignored);
  };
}

/** If this fails, the connection is ended, and the next one tries again. */
async function listen(client: pg.Client, channel: string): Promise<void> {
  try {
    await client.connect();
    // The others tell of ends only where somebody holds this. It goes with the connection.
    await client.query(`SELECT pg_advisory_lock_shared(${listenersLock(channel)})`);
    await client.query(`LISTEN ${quoted(channel)}`);
  } catch {
    await client.end().catch(ignored);
  }
}

function ignored(): void {}
