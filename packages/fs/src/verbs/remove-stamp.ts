import { removeIfEmpty, removeTree, renameIfThere } from '../disk/files.ts';
import { type Stamp, trashName } from '../layout/names.ts';
import { type SessionPath, stampPath } from '../layout/paths.ts';
import type { Site } from './site.ts';

/**
 * Moves a stamp away under the exact name that was read, which fails if the session has come to life
 * since. The directory around it goes if it is empty then: not if there is a session in it again.
 */
export async function removeStamp(site: Site, path: SessionPath, stamp: Stamp): Promise<boolean> {
  const trash = `${path.shard}/${trashName(site.clock())}`;
  if (!(await renameIfThere(stampPath(path, stamp), trash))) return false;
  await removeIfEmpty(path.directory);
  await removeTree(trash);
  return true;
}
