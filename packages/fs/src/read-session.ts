import type { SessionRecord } from '@sess/core';
import { sameFile } from './files.ts';
import type { Work } from './gate.ts';
import { copyOf } from './record-file.ts';
import type { SessionPath } from './session-path.ts';
import type { Site } from './site.ts';
import { asRecord, dataPath, loadSession } from './stored-session.ts';

export async function readSession(
  site: Site,
  path: SessionPath,
  work: Work,
): Promise<SessionRecord | 'ended' | undefined> {
  const known = await readUnchanged(site, path);
  if (known !== undefined) return known;
  const there = await loadSession(site, path, work);
  if (there.state === 'ended') return 'ended';
  if (there.state !== 'live') return undefined;
  const { token, record, file } = there;
  site.known.add(path.key, { token, record: copyOf(record), file });
  return asRecord(there);
}

/** One look instead of five calls, where nothing has changed since this process last knew the session. */
async function readUnchanged(site: Site, path: SessionPath): Promise<SessionRecord | undefined> {
  const known = site.known.find(path.key);
  if (known === undefined) return undefined;
  const { token, record } = known;
  const file = await sameFile(dataPath(path, token, token.dataId), known.file);
  if (file === undefined || site.clock() >= token.expiresAt) {
    // Whatever is there now, a write must not go by what was there before: damage is left as it is.
    site.known.forget(path.key);
    return undefined;
  }
  site.known.confirm(path.key, file);
  return asRecord({ token, record: copyOf(record) });
}
