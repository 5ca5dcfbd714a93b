import type { GuardedStore } from './guarded-store.ts';
import { type Finding, hasAbility } from '../store-abilities.ts';

/** A list of secrets is short. What is more is of no use for telling apps apart. */
const MOST_SECRETS = 20;

/** The secrets of an app, by their fingerprints. */
export interface AppSecrets {
  /** The first signs. */
  readonly fingerprints: readonly string[];
  /** Of the secret that the app had before it was given one: what is noted under that alone is its own past. */
  readonly development?: string | undefined;
}

/**
 * Notes that an app with these secrets keeps its sessions in a storage, and looks who else does. If that fails, the app
 * starts all the same: sessions can be kept.
 */
export async function noteApp(
  store: GuardedStore,
  { fingerprints, development }: AppSecrets,
  absoluteTimeoutMs: number,
): Promise<readonly Finding[]> {
  const noted = store.ask('noteApp', async (loaded) => {
    if (!hasAbility(loaded, 'noteApp')) return [];
    await loaded.noteApp(fingerprints.slice(0, MOST_SECRETS).join('-'), absoluteTimeoutMs);
    return loaded.notedApps();
  });
  return noted.then(
    (apps) => sharedWith(apps, { fingerprints, development }),
    () => [],
  );
}

/** The findings for an app with these secrets about the apps that are noted in its storage. */
export function sharedWith(apps: readonly string[], { fingerprints, development }: AppSecrets): readonly Finding[] {
  const [first, ...others] = apps.filter((app) => app !== development).map((app) => app.split('-'));
  if (first === undefined) return [];
  // Without secrets of its own the caller is told whether all that are noted are one app.
  const strangers = strangersTo(fingerprints.length > 0 ? fingerprints : first, [first, ...others]);
  if (strangers.length === 0) return [];
  const theirs = [...new Set(strangers.map(([signing]) => signing))].join(', ');
  return [
    {
      code: 'STORAGE_SHARED',
      severity: 'warning',
      text: `Another app, with other secrets (${theirs}), keeps its sessions here too: if both have the same owner, each lists and ends the other's sessions.`,
      fix: 'If this app had another secret before, it is its own past, and nothing is to be done: this ends when the absolute timeout has passed. Else give each app a place of its own: in Redis another database or another prefix (option prefix), in PostgreSQL another table (option table), with files another SESSION_DIR.',
    },
  ];
}

/** A rotated secret is still in a list that has the next one too: lists that overlap are of one app, and so is a chain of them. */
function strangersTo(own: readonly string[], apps: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const known = new Set(own);
  let strangers = apps;
  for (;;) {
    const left = strangers.filter((secrets) => !secrets.some((secret) => known.has(secret)));
    if (left.length === strangers.length) return left;
    for (const secrets of strangers) if (!left.includes(secrets)) for (const secret of secrets) known.add(secret);
    strangers = left;
  }
}
