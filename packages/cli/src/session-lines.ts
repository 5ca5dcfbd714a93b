import { fromNow, size } from './quantities.ts';
import { type Screen, printable, wrap } from './terminal.ts';
import { type SeenSession, type UnreadableSession, isReadable } from './seen-session.ts';

/** One session for people: the handle in full, for a search in the logs. */
export function sessionBlock(session: SeenSession | UnreadableSession, out: Screen, now: number): string {
  const head = out.paint('bold', session.handle);
  if (!isReadable(session)) return `${head}\n  ${out.paint('red', `cannot be read: ${session.unreadable}`)}`;
  const facts = [
    session.owner === undefined ? 'no owner' : `owner ${printable(session.owner)}`,
    ...(session.label === undefined ? [] : [printable(session.label)]),
    `created ${fromNow(session.createdAt, now)}`,
    `seen ${fromNow(session.touchedAt, now)}`,
    `expires ${fromNow(session.expiresAt, now)}`,
    size(session.bytes),
  ];
  const names = session.keys.map(({ name }) => printable(name)).join(', ');
  return [
    head,
    `  ${wrap(facts.join(' · '), out.columns, 2)}`,
    `  ${out.paint('dim', wrap(names === '' ? 'no keys' : `keys ${names}`, out.columns, 2))}`,
  ].join('\n');
}

/** A session for programs: handle, owner, created, seen, expires, bytes, keys, device, with tabs between; times as in ISO 8601. */
export function sessionRow(session: SeenSession | UnreadableSession): string {
  if (!isReadable(session)) return [session.handle, '', '', '', '', '', session.unreadable, ''].join('\t');
  const { handle, owner, label, createdAt, touchedAt, expiresAt, bytes, keys } = session;
  return [
    handle,
    printable(owner ?? ''),
    ...[createdAt, touchedAt, expiresAt].map(isoTime),
    bytes,
    keys.map(({ name }) => printable(name)).join(','),
    printable(label ?? ''),
  ].join('\t');
}

/** A session for `--json`. */
export function sessionJson(session: SeenSession | UnreadableSession): object {
  if (!isReadable(session)) return session;
  const { createdAt, touchedAt, expiresAt, ...rest } = session;
  return {
    ...rest,
    createdAt: isoTime(createdAt),
    touchedAt: isoTime(touchedAt),
    expiresAt: isoTime(expiresAt),
  };
}

/** What is stored may be no time at all. */
export function isoTime(at: number): string {
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : String(at);
}
