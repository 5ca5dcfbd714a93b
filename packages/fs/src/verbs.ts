import type { DestroyOptions, SessionChange, SessionKey, SessionRecord, UpdateVerdict } from '@sess/core';
import { createSession } from './create-session.ts';
import { destroySession } from './destroy-session.ts';
import type { Work } from './gate.ts';
import { readSession } from './read-session.ts';
import { type SessionPath, sessionPath } from './session-path.ts';
import type { Site } from './site.ts';
import { isOwnedBy } from './stored-session.ts';
import { updateSession } from './update-session.ts';

interface VerbTypes {
  create: { args: [key: SessionKey, record: SessionRecord]; answer: boolean };
  read: { args: [key: SessionKey]; answer: SessionRecord | 'ended' | undefined };
  update: { args: [key: SessionKey, change: SessionChange]; answer: UpdateVerdict };
  destroy: { args: [key: SessionKey, how: DestroyOptions]; answer: SessionRecord | undefined };
  forgetEntries: { args: [owner: string, entries: readonly string[]]; answer: void };
}

export type VerbName = keyof VerbTypes;

export type VerbArgs<V extends VerbName> = VerbTypes[V]['args'];

export type VerbAnswer<V extends VerbName> = VerbTypes[V]['answer'];

/** What the app waits for. It is the same work whichever thread does it. */
export type Verbs = { [V in VerbName]: (work: Work, ...args: VerbArgs<V>) => Promise<VerbAnswer<V>> };

export function verbsOn(site: Site): Verbs {
  const { directory, owners } = site;

  async function at(key: SessionKey): Promise<SessionPath> {
    const path = sessionPath(directory.path, key);
    await directory.verifyNowAndThen();
    return path;
  }

  return {
    create: async (work, key, record) => createSession(site, await at(key), record, work),
    read: async (work, key) => readSession(site, await at(key), work),
    update: async (work, key, change) => updateSession(site, await at(key), change, work),
    destroy: async (work, key, how) => destroySession(site, await at(key), how, work),
    forgetEntries: (work, owner, entries) => owners.forget(owner, entries, (key) => isOwnedBy(site, owner, key, work)),
  };
}
