import type { Answerer } from './session-data.ts';

/** What stands on the page. */
export interface PageView extends Answerer {
  readonly framework: string;
  readonly store: string;
  readonly why: string;
  readonly workers: number;
  readonly user: string | undefined;
}

const places: Readonly<Record<string, { name: string; meaning: string }>> = {
  fs: { name: 'Files', meaning: 'Every worker of this host reads and writes the same directory.' },
  redis: { name: 'Redis', meaning: 'Every worker, on any host, asks the same server.' },
  postgres: { name: 'PostgreSQL', meaning: 'Every worker, on any host, asks the same database.' },
  memory: { name: 'Memory', meaning: 'Each worker has its own and knows nothing of the others. Watch it flicker.' },
  cookie: { name: 'Signed cookie', meaning: 'The browser carries the whole session. Nothing is kept on the server.' },
};

/** A store as people call it, and what it means for workers. */
export function placeOf(store: string): { name: string; meaning: string } {
  return places[store] ?? { name: store, meaning: 'A store of your own.' };
}
