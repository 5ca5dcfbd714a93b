import { SessError } from '../errors.ts';
import type { FieldChanges } from '../record-change.ts';
import type { FieldText } from '../store.ts';
import type { Fields } from './fields.ts';

/** How large one session may be. */
export interface Limits {
  /** Bytes (UTF-8) of all keys and values together. */
  sessionBytes: number;
  /** How many keys a session may have. */
  sessionKeys: number;
}

/**
 * {@link assertFits} for a change. Most sessions are so small that their bytes need not be counted.
 * @throws SessError `SESSION_TOO_LARGE`, naming the largest key
 */
export function assertChangeFits(fields: Fields, changes: FieldChanges, limits: Limits): void {
  const { keys, units } = fields.sizeWith(changes);
  // A UTF-16 unit has at most three bytes in UTF-8.
  if (keys > limits.sessionKeys || units * 3 > limits.sessionBytes) assertFits(fields.texts(changes), limits);
}

/** @throws SessError `SESSION_TOO_LARGE`, naming the largest key */
export function assertFits(texts: Readonly<Record<string, FieldText>>, limits: Limits): void {
  const entries = Object.entries(texts);
  if (entries.length > limits.sessionKeys) {
    throw new SessError(
      'SESSION_TOO_LARGE',
      `The session would have ${entries.length} keys; the limit is ${limits.sessionKeys}. Nothing was stored.`,
    );
  }
  // A UTF-16 unit has at most three bytes in UTF-8: most sessions are so small that this is enough.
  let units = 0;
  for (const [key, text] of entries) units += key.length + text.length;
  if (units * 3 <= limits.sessionBytes) return;

  let bytes = 0;
  let largest: { key: string; size: number } | undefined;
  for (const [key, text] of entries) {
    const size = Buffer.byteLength(key) + Buffer.byteLength(text);
    bytes += size;
    if (largest === undefined || size > largest.size) largest = { key, size };
  }
  if (bytes <= limits.sessionBytes || largest === undefined) return;
  throw new SessError(
    'SESSION_TOO_LARGE',
    `The session would have ${bytes} bytes; the limit is ${limits.sessionBytes}. Its largest key is "${largest.key}" (${largest.size} bytes). Nothing was stored.`,
  );
}
