import type { EndMarker, FieldText, SessionRecord } from '@sess/core';

/** A long text, and how it lies in Redis. */
export interface LongText {
  readonly name: string;
  /** As the caller knows it: the same object again says that nothing has changed. */
  readonly text: FieldText;
  readonly stored: string | Buffer;
  readonly bytes: number;
}

/**
 * One state of a session, as it lies in Redis: what a swap is compared with, and what the next write need not send again.
 * This is the `version` of the contract.
 */
export class StoredState {
  /** 11 characters that no other state has. */
  readonly name: string;
  readonly record: SessionRecord;
  /** The first line, with its line feed. */
  readonly headBytes: number;
  readonly longTexts: readonly LongText[];
  /** The short texts, which follow the long ones, one after the other. */
  readonly shortTexts: string;
  /** How many bytes there are for them: all to the end. */
  readonly tailBytes: number;

  constructor(
    name: string,
    record: SessionRecord,
    headBytes: number,
    longTexts: readonly LongText[],
    shortTexts: string,
    tailBytes: number,
  ) {
    this.name = name;
    this.record = record;
    this.headBytes = headBytes;
    this.longTexts = longTexts;
    this.shortTexts = shortTexts;
    this.tailBytes = tailBytes;
  }
}

/** An end marker as it lies in Redis, with the name of the destroy that left it. */
export class StoredMarker {
  readonly name: string;
  readonly marker: EndMarker;

  constructor(name: string, marker: EndMarker) {
    this.name = name;
    this.marker = marker;
  }
}

/** @throws `TypeError` for what no store of this package has answered */
export function stateOf(version: unknown): StoredState {
  if (version instanceof StoredState) return version;
  throw new TypeError('A version is what this store has answered before: pass it on as it is.');
}
