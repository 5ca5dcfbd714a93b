import { count, duration, size } from './quantities.ts';
import type { Figures, Spread } from './session-figures.ts';
import { type Screen, printable } from './terminal.ts';

export interface Result extends Figures {
  storage: string;
  isComplete: boolean;
}

/** The figures for people, one below the other. */
export function figureLines(result: Result, out: Screen): string[] {
  const { sessions, unreadable, withOwner, owners, largest } = result;
  const row = (name: string, text: string): string => `${out.paint('bold', name.padEnd(10))} ${text}`;
  const share = (spread: Spread, show: (number: number) => string): string =>
    `median ${show(spread.median)}, 95 % up to ${show(spread.p95)}, largest ${show(spread.largest)}`;
  const lines = [
    row('storage', result.storage),
    row(
      'sessions',
      result.isComplete
        ? sessions.toLocaleString('en')
        : `${sessions.toLocaleString('en')} were read, and there are more (--limit)`,
    ),
  ];
  if (unreadable > 0) lines.push(row('unreadable', out.paint('red', count(unreadable, 'record'))));
  if (sessions === 0) return lines;
  lines.push(
    row('owned', `${count(withOwner, 'session')} of ${count(owners, 'owner')}`),
    row('size', `${size(result.bytes.total)} in all; ${share(result.bytes, size)}`),
    row('age', share(result.ageMs, duration)),
    row('idle', share(result.idleMs, duration)),
    row('expires in', share(result.leftMs, duration)),
  );
  if (largest !== undefined) lines.push(row('largest', largest.handle));
  const heading = ['keys', ''];
  for (const { name, sessions: having, bytes } of result.keys)
    lines.push(row(heading.shift() ?? '', `${printable(name)}: ${size(bytes)} in ${count(having, 'session')}`));
  return lines;
}
