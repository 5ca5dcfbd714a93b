import type { SessionKey, SessionRecord } from '@sess/core';
import { mostShortBytes, startOf } from './session-record.ts';
import { encodeText } from './session-text.ts';
import { type LongText, StoredState } from './stored-state.ts';

/** How a record is written: all of it, or the parts that have changed, each after its place. */
export interface Draft {
  readonly state: StoredState;
  /** Only the whole, or places and bytes. */
  readonly parts: readonly (string | Buffer)[];
  /** Whether it may take more memory than what it replaces. */
  readonly grows: boolean;
}

/** A smaller session is written whole: that costs no more than to change it where it lies, and it needs no spare room. */
const smallBytes = 2048;

/** Room in the first line of a large session, for write ids and longer lengths. */
const spareInLine = 128;

/** Room after the last short text of a large session. */
const spareAtEnd = 64;

/** A session that has shrunk by more is written whole, without what it does not need any more. */
const mostSpare = 1024;

/** `name`: of the new state. `before`: the state that it replaces. */
export function draft(key: SessionKey, record: SessionRecord, name: string, before?: StoredState): Draft {
  const { longTexts, shortTexts, list } = arrange(record, before?.longTexts ?? []);
  const shortBytes = Buffer.byteLength(shortTexts);
  let longBytes = 0;
  for (const { bytes } of longTexts) longBytes += bytes;

  const line = (tailBytes: number) => `${startOf(key, name)}${longBytes + tailBytes} ${JSON.stringify(list)}`;
  if (before !== undefined && fitsTexts(longTexts, shortBytes, before)) {
    const head = line(before.tailBytes);
    const spare = before.headBytes - 1 - Buffer.byteLength(head);
    if (spare >= 0 && spare <= mostSpare) {
      const { headBytes, tailBytes } = before;
      const state = new StoredState(name, record, headBytes, longTexts, shortTexts, tailBytes);
      const tail = shortTexts + ' '.repeat(tailBytes - shortBytes);
      return { state, parts: changedParts(state, before, `${head}${' '.repeat(spare)}`, tail), grows: false };
    }
  }

  const isSmall = longBytes + shortBytes < smallBytes;
  const tailBytes = shortBytes + (isSmall ? 0 : spareAtEnd);
  const head = `${line(tailBytes)}${' '.repeat(isSmall ? 0 : spareInLine)}\n`;
  const state = new StoredState(name, record, Buffer.byteLength(head), longTexts, shortTexts, tailBytes);
  const tail = shortTexts + ' '.repeat(tailBytes - shortBytes);
  return {
    state,
    parts: [joined(head, longTexts, tail)],
    grows: before === undefined || needOf(state) > needOf(before),
  };
}

/** Long texts first, in their order; a long text that was not changed is not looked at again. */
function arrange(record: SessionRecord, known: readonly LongText[]) {
  const { fields, createdAt, touchedAt, expiresAt, writeIds, owner, settings } = record;
  const longTexts: LongText[] = [];
  const shortOnes: (string | number)[] = [];
  let shortTexts = '';
  for (const name of Object.keys(fields)) {
    const text = fields[name] ?? '';
    const same = known.find((one) => one.text === text && one.name === name);
    const stored = same === undefined ? encodeText(text) : '';
    const bytes = same?.bytes ?? Buffer.byteLength(stored);
    if (same !== undefined) longTexts.push(same);
    else if (bytes > mostShortBytes) longTexts.push({ name, text, stored, bytes });
    else {
      shortOnes.push(name, bytes);
      shortTexts += stored.toString();
    }
  }
  const longOnes = longTexts.flatMap(({ name, bytes }) => [name, bytes]);
  const list = [
    createdAt,
    touchedAt,
    expiresAt,
    writeIds.join(' '),
    owner ?? 0,
    settings ?? 0,
    ...longOnes,
    ...shortOnes,
  ];
  return { longTexts, shortTexts, list };
}

/** Whether all texts fit where the old ones lie. A small session is written whole instead. */
function fitsTexts(longTexts: readonly LongText[], shortBytes: number, before: StoredState): boolean {
  const spare = before.tailBytes - shortBytes;
  if (sizeOf(before) < smallBytes || spare < 0 || spare > mostSpare) return false;
  if (longTexts.length !== before.longTexts.length) return false;
  return longTexts.every(({ name, bytes }, at) => {
    const there = before.longTexts[at];
    return there?.name === name && there.bytes === bytes;
  });
}

/** From the end to the beginning: if the last part is beyond what Redis allows, it fails before another is written. */
function changedParts(state: StoredState, before: StoredState, head: string, tail: string): (string | Buffer)[] {
  const parts: (string | Buffer)[] = ['0', head];
  let place = state.headBytes;
  for (const [at, one] of state.longTexts.entries()) {
    if (one.text !== before.longTexts[at]?.text) parts.unshift(String(place), one.stored);
    place += one.bytes;
  }
  if (state.shortTexts !== before.shortTexts) parts.unshift(String(place), tail);
  return parts;
}

function joined(head: string, longTexts: readonly LongText[], tail: string): string | Buffer {
  let text = head;
  for (const { stored } of longTexts) {
    if (typeof stored !== 'string') {
      const bytes = longTexts.map((one) => (typeof one.stored === 'string' ? Buffer.from(one.stored) : one.stored));
      return Buffer.concat([Buffer.from(head), ...bytes, Buffer.from(tail)]);
    }
    text += stored;
  }
  return text + tail;
}

function sizeOf({ headBytes, longTexts, tailBytes }: StoredState): number {
  return longTexts.reduce((sum, { bytes }) => sum + bytes, headBytes + tailBytes);
}

/** Its size without the write ids, which every write changes. */
function needOf(state: StoredState): number {
  return sizeOf(state) - state.record.writeIds.join(' ').length;
}
