import type { FieldText, SessionRecord, SessionSettings } from '@sess/core';

/** A number below the limit; the same numbers for the same seed (mulberry32). */
export type Draw = (limit: number) => number;

export function drawing(seed: number): Draw {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

function pick<T>(draw: Draw, choices: readonly T[]): T {
  const choice = choices[draw(choices.length)];
  if (choice === undefined) throw new RangeError('nothing to choose from');
  return choice;
}

const names: readonly string[] = [
  ...['a', 'b', 'c', 'd', '', ' ', '0', '1', '-1', '1.5', '0x10', '1e3', '__proto__', 'constructor', 'toString'],
  ...['length', 'é', '€', '😀', '\ufeff', 'a/b', '\n', '"', '\\', '\u007f', '[', '\0', '\0"', '\ud800', '\udc00'],
  ...['x'.repeat(300), 'y'.repeat(5000)],
];
const usual = names.slice(0, 8);

const units: readonly string[] = ['x', 'é', '€', '😀', '\n', '\0', '\ud800', '"', ' '];
// Around what decides how a session lies: a long text, a session that is written whole, the room that is kept.
const lengths: readonly number[] = [0, 0, 1, 2, 5, 9, 40, 60, 64, 70, 500, 1020, 1024, 1030, 2000, 2040, 3000, 4100];

function text(draw: Draw): string {
  const length = pick(draw, lengths) + draw(4);
  const unit = pick(draw, units);
  if (draw(3) === 0) return unit.repeat(length).slice(0, length);
  return 'x'.repeat(Math.max(0, length - 1)) + unit;
}

function name(draw: Draw): string {
  return pick(draw, draw(3) > 0 ? usual : names);
}

function fields(draw: Draw, count: number): Record<string, string> {
  // `fromEntries` makes a field of `__proto__` too.
  return Object.fromEntries(Array.from({ length: count }, () => [name(draw), text(draw)]));
}

const owners: readonly string[] = ['u1', '', 'ü', '\0', '\ud800', 'o'.repeat(70)];

function instant(draw: Draw, now: number): number {
  return now + draw(8_000) / 8;
}

const hourMs = 3_600_000;

/** What Redis keeps by its own clock ends long after the test. */
function times(draw: Draw, now: number) {
  const touchedAt = instant(draw, now);
  return { touchedAt, expiresAt: touchedAt + hourMs + draw(hourMs) };
}

function settings(draw: Draw): SessionSettings {
  return pick<SessionSettings>(draw, [{}, { persistent: true }, { idleTimeoutMs: 60_000, persistent: false }]);
}

function writeIds(draw: Draw): string[] {
  return Array.from({ length: draw(13) }, () => `${pick(draw, ['a', '-_9', 'abcdefgh'])}${draw(10_000)}`);
}

export function drawRecord(draw: Draw, now: number): SessionRecord {
  const crowd = draw(12) === 0 ? Array.from({ length: 1000 }, (_, at) => [`f${at}`, 'x'.repeat(draw(9))]) : [];
  return {
    fields: { ...fields(draw, draw(7)), ...Object.fromEntries(crowd) },
    createdAt: instant(draw, now),
    ...times(draw, now),
    writeIds: writeIds(draw),
    ...(draw(2) === 0 && { owner: pick(draw, owners) }),
    ...(draw(3) === 0 && { settings: settings(draw) }),
  };
}

/** What takes the place of a record: some fields set, grown, shrunk or gone, the others the same objects as before. */
export function drawNext(draw: Draw, now: number, current: SessionRecord): SessionRecord {
  const next = new Map<string, FieldText>(Object.entries(current.fields));
  const there = [...next.keys()];
  const draws = draw(8) === 0 ? 0 : 1 + draw(4);
  for (let at = 0; at < draws; at++) {
    const one = there.length > 0 && draw(2) === 0 ? (there[draw(there.length)] ?? '') : name(draw);
    if (draw(4) === 0) next.delete(one);
    else next.set(one, text(draw));
  }
  const { owner: _owner, settings: _settings, ...rest } = current;
  const owner = draw(6) > 0 ? current.owner : draw(3) === 0 ? undefined : pick(draw, owners);
  const other = draw(6) === 0 ? settings(draw) : current.settings;
  return {
    ...rest,
    fields: Object.fromEntries(next),
    ...times(draw, now),
    writeIds: draw(3) === 0 ? current.writeIds : writeIds(draw),
    ...(owner !== undefined && { owner }),
    ...(other !== undefined && { settings: other }),
  };
}
