import type { Engine } from './engine.ts';
import { isPastAbsolute } from '../expiry.ts';
import { Fields } from '../session/fields.ts';
import { isStored, readFollowing } from './successors.ts';
import type { SessionState } from '../session/session-state.ts';
import { endedError, sessionGone } from './too-late-errors.ts';

/** Reads the session again, in the same object; changes that are not stored are let go. */
export async function reloadSession({ clock, timeouts }: Engine, state: SessionState): Promise<void> {
  // A replaced session keeps what was read: its successor compares with that to see what others have changed.
  if (state.closing !== undefined) throw endedError(state.closing, 'reload()');
  // Until a rotation is carried out the store holds the session under its old key.
  const { replaces } = state;
  const holder = state.standing === 'new' && replaces?.by === 'rotated' ? replaces.state : state;
  if (holder.standing === 'new') throw sessionGone();
  const { claim, found } = await readFollowing(holder.claim);
  if (!isStored(found) || isPastAbsolute(clock(), found.record.createdAt, timeouts)) {
    state.standing = 'gone';
    throw sessionGone();
  }
  holder.changedSettings = undefined;
  holder.moveTo(claim, found);
  for (const each of new Set([holder, state])) {
    each.fields = new Fields(found.record.fields);
    each.owner = found.record.owner;
    each.settings = found.record.settings;
    each.changedSettings = undefined;
    each.persistenceChanged = false;
  }
  state.refusedChange = undefined;
}
