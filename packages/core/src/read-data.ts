import type { GuardedStore } from './storage/guarded-store.ts';
import { isSessionKey } from './cookie/token.ts';
import { decodeField } from './session/field-text.ts';
import { stringOf } from './record-fields.ts';
import { isEndMarker } from './store.ts';

/** The data of one session, from outside its own requests. */
export async function readData(store: GuardedStore, handle: string): Promise<Record<string, unknown> | undefined> {
  const found = isSessionKey(handle) ? await store.read(handle) : undefined;
  if (found === undefined || isEndMarker(found)) return undefined;
  const fields = Object.entries(found.record.fields);
  return Object.fromEntries(fields.map(([key, text]) => [key, decodeField(key, stringOf(text))]));
}
