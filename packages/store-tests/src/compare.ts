import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { EndMarker, FieldText, ReplaceOutcome, SessionRecord, StoredSession } from '@sess/core';

/** Strict: bytes that are not UTF-8 throw. A byte order mark belongs to the text. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of a field, whichever way the store returned it. */
export function textOf(text: FieldText): string {
  return typeof text === 'string' ? text : utf8.decode(text);
}

/** A record in a form in which equal sessions are equal. No settings and empty ones are the same. */
export function comparable(record: SessionRecord, show: (text: string) => string = (text) => text): object {
  return {
    fields: Object.entries(record.fields)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, text]) => [name, show(textOf(text))]),
    createdAt: record.createdAt,
    touchedAt: record.touchedAt,
    expiresAt: record.expiresAt,
    owner: record.owner,
    idleTimeoutMs: record.settings?.idleTimeoutMs,
    persistent: record.settings?.persistent,
    label: record.settings?.label,
    writeIds: [...record.writeIds],
  };
}

/** A failure shows both records: not the mebibytes of a text, but enough to tell two apart. */
export function assertSame(actual: SessionRecord, expected: SessionRecord): void {
  if (isDeepStrictEqual(comparable(actual), comparable(expected))) return;
  assert.deepEqual(comparable(actual, brief), comparable(expected, brief));
}

function brief(text: string): string {
  if (text.length <= 200) return text;
  return `${text.slice(0, 20)}... ${text.length} units, sha256 ${createHash('sha256').update(text).digest('hex')}`;
}

/** It is an end marker that says exactly this of where the session went on, and holds nothing else. */
export function assertMarker(found: object | undefined, successor?: EndMarker['successor']): void {
  const wanted = { ended: true, successor };
  assert.deepEqual(found && { successor: undefined, ...found }, wanted);
}

/** The version of a replacement that has to be carried out. */
export function versionOf(outcome: ReplaceOutcome): unknown {
  if (outcome.verdict !== 'replaced') assert.fail(`expected "replaced", got "${outcome.verdict}"`);
  return outcome.version;
}

/** What a replacement that has to meet another version was told of it. */
export function conflictOf(outcome: ReplaceOutcome): StoredSession {
  if (outcome.verdict !== 'conflict') assert.fail(`expected "conflict", got "${outcome.verdict}"`);
  return outcome.stored;
}
