import { confirmed, renameIfThere } from '../disk/files.ts';
import type { Stamp } from '../layout/names.ts';
import { type SessionPath, stampPath } from '../layout/paths.ts';
import type { Site } from './site.ts';

/**
 * The one rename that changes a session: from the exact stamp that was read to the next one. It is the
 * comparison and the write in one call of the system. Of two that read the same stamp one finds it gone: its answer is
 * `false`, and nothing of it is stored.
 */
export async function moveStamp(site: Site, path: SessionPath, from: Stamp, to: Stamp): Promise<boolean> {
  if (!(await renameIfThere(stampPath(path, from), stampPath(path, to)))) return false;
  if (site.fsync) await confirmed(path.directory);
  return true;
}
