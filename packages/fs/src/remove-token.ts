import { removeIfEmpty, removeTree, renameIfThere } from './files.ts';
import { type Token, trashName } from './names.ts';
import type { SessionPath } from './session-path.ts';
import type { Site } from './site.ts';
import { tokenPath } from './stored-session.ts';

/**
 * Moves a token away under the exact name that was read, which fails if the session has come to life
 * since. The directory around it goes if it is empty then: not if there is a session in it again.
 */
export async function removeToken(site: Site, path: SessionPath, token: Token): Promise<boolean> {
  const trash = `${path.shard}/${trashName(site.clock())}`;
  if (!(await renameIfThere(tokenPath(path, token), trash))) return false;
  await removeIfEmpty(path.directory);
  await removeTree(trash);
  return true;
}
