import type { Engine } from './engine.ts';
import { isPastAbsolute } from '../expiry.ts';
import { Fields } from '../session/fields.ts';
import { isStored, readFollowing } from './successors.ts';
import type { SessionState } from '../session/session-state.ts';
import { sessionGone } from './too-late-errors.ts';
import { endedError } from './too-late-errors.ts';

/** Reads the session again, in the same object; changes that are not stored are let go. */
export async function reloadSession({ clock, timeouts }: Engine, state: SessionState): Promise<void> {
  // A replaced session keeps what was read: its successor compares with that to see what others have changed.
  if (state.closing !== undefined) throw endedError(state.closing, 'reload()');
  if (state.standing === 'new') throw sessionGone();
  const { claim, found } = await readFollowing(state.claim);
  if (!isStored(found) || isPastAbsolute(clock(), found.record.createdAt, timeouts)) {
    state.standing = 'gone';
    throw sessionGone();
  }
  state.fields = new Fields(found.record.fields);
  state.owner = found.record.owner;
  state.changedSettings = undefined;
  state.moveTo(claim, found);
  state.persistenceChanged = false;
  state.refusedChange = undefined;
}
