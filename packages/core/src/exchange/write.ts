import type { FieldChanges } from '../session/fields.ts';
import type { SessionChange } from '../store.ts';

/** What a write changes besides fields. */
export type WriteTimes = Pick<SessionChange, 'touchedAt' | 'expiresAt' | 'owner' | 'settings'>;

/** An atomic update of one field: from the text that the store holds to the text that it shall hold. */
export interface FieldUpdate {
  key: string;
  /** The text as the request last knew it. */
  known: string | undefined;
  /** May run several times; may throw, which rejects this write alone. */
  revise: (text: string | undefined) => string | undefined;
}

/** What one call of an app, or one answer, changes of a stored session. */
export type Write = { times: WriteTimes; fields?: FieldChanges | undefined; update?: FieldUpdate };
