import { type Timeouts, deadlineAt } from './expiry.ts';
import { copyOfFields, stringOf } from './record-fields.ts';
import type { FieldText, SessionRecord, SessionSettings } from './store.ts';

/** Changes to the fields of a session, as one request made them. */
export interface FieldChanges {
  /** Fields to write, whether or not they are there. */
  readonly set: Readonly<Record<string, FieldText>>;
  /** Fields to remove. */
  readonly unset: readonly string[];
  /** Fields to write only where they are still there: an object changed in place does not undo a `delete` elsewhere. */
  readonly revise: Readonly<Record<string, FieldText>>;
}

/** What one call of an app, or one answer, changes of a stored session. Nothing but `at`: a touch. */
export interface RecordChange {
  /** The moment of the change, on core's clock. */
  readonly at: number;
  readonly fields?: FieldChanges | undefined;
  /** The settings that change; the others stay as they are stored. */
  readonly settings?: SessionSettings | undefined;
  readonly update?: FieldUpdate | undefined;
}

/** An atomic update of one field. */
export interface FieldUpdate {
  readonly key: string;
  /** Gets the stored text and returns the new one; `undefined`: there is none. May run several times, and may throw. */
  revise(text: string | undefined): string | undefined;
}

/** How many write ids a record remembers while others write too. */
const MOST_WRITE_IDS = 12;

/** How long a write may be in doubt, with room for clocks that differ: after that only the last two ids are of use. */
const DOUBT_MS = 10_000;

/**
 * The record after a change. It is computed here for all stores.
 *
 * @throws what the change's update function throws
 */
export function changedRecord(record: SessionRecord, change: RecordChange, timeouts: Timeouts): SessionRecord {
  const settings = change.settings === undefined ? record.settings : { ...record.settings, ...change.settings };
  const changed = {
    fields: changedFields(record.fields, change),
    createdAt: record.createdAt,
    ...changedTimes({ ...record, settings }, change, timeouts),
    ...(record.owner === undefined ? undefined : { owner: record.owner }),
    ...(settings === undefined ? undefined : { settings }),
    writeIds: record.writeIds,
  };
  return changed;
}

function changedFields(before: SessionRecord['fields'], { fields, update }: RecordChange): SessionRecord['fields'] {
  if (fields === undefined && update === undefined) return before;
  const after = copyOfFields(before);
  if (update !== undefined) {
    const { key } = update;
    const held = Object.hasOwn(after, key) ? after[key] : undefined;
    const text = update.revise(held === undefined ? undefined : stringOf(held));
    if (text === undefined) delete after[key];
    else after[key] = text;
  }
  if (fields === undefined) return after;
  Object.assign(after, fields.set);
  for (const key in fields.revise) {
    const text = fields.revise[key];
    if (text !== undefined && Object.hasOwn(after, key)) after[key] = text;
  }
  for (const key of fields.unset) delete after[key];
  return after;
}

/**
 * The deadline never moves back, whatever another host with other timeouts has stored. Only a session with an idle timeout
 * of its own, or whose settings change now, gets exactly the deadline that these allow. A last use that lies in the future
 * by more than a touch comes from a wrong clock, and so does its deadline: if that use stayed, each one would be a write,
 * and with that deadline the session would outlive its idle timeout by as much as the clock was wrong.
 */
function changedTimes(
  record: Omit<SessionRecord, 'settings'> & { settings: SessionSettings | undefined },
  { at, settings }: RecordChange,
  timeouts: Timeouts,
): Pick<SessionRecord, 'touchedAt' | 'expiresAt'> {
  const isFuture = record.touchedAt - at > timeouts.touchAfterMs;
  const touchedAt = isFuture ? at : Math.max(record.touchedAt, at);
  const expiresAt = deadlineAt(touchedAt, record, timeouts);
  const decides = isFuture || settings !== undefined || record.settings?.idleTimeoutMs !== undefined;
  return { touchedAt, expiresAt: decides ? expiresAt : Math.max(record.expiresAt, expiresAt) };
}

/** The same record, written under this id. `before` is the record in whose place it comes. */
export function namedRecord(record: SessionRecord, before: SessionRecord | undefined, writeId: string): SessionRecord {
  const ids = before?.writeIds ?? [];
  const isBusy = before !== undefined && Math.abs(record.touchedAt - before.touchedAt) <= DOUBT_MS;
  return { ...record, writeIds: [writeId, ...ids].slice(0, isBusy ? MOST_WRITE_IDS : 2) };
}

/**
 * Whether a write is in the record that stands now, which its store could not say.
 *
 * @param before the record that it was to replace
 * @returns `undefined` where it can be neither shown nor excluded: too many others have written since
 */
export function holdsWrite(record: SessionRecord, writeId: string, before: SessionRecord): boolean | undefined {
  if (record.writeIds.includes(writeId)) return true;
  const [last] = before.writeIds;
  // The last write before it is still remembered, so all writes since are.
  return last !== undefined && record.writeIds.includes(last) ? false : undefined;
}
