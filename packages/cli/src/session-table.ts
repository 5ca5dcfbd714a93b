import { shortHandle } from './handles.ts';
import { fromNow, size } from './quantities.ts';
import { type SeenSession, type UnreadableSession, isReadable } from './seen-session.ts';
import { type Screen, printable } from './terminal.ts';

const headings = ['HANDLE', 'OWNER', 'DEVICE', 'CREATED', 'SEEN', 'EXPIRES', 'SIZE', 'KEYS'];

/** Owners and devices may be long: so many characters of them are shown, or as few where the window is narrow. */
const WIDEST_CELL = 24;
const NARROWEST_CELL = 10;
const OWNER_AT = 1;
const DEVICE_AT = 2;

/** Where less than this is left on a line, the names of the keys are left out: `sess show` has them. */
const NARROWEST_KEYS = 8;

const AIR = '  ';

/** Sessions for people, one a line. A column that is empty for all of them is left out. */
export function sessionTable(
  sessions: readonly (SeenSession | UnreadableSession)[],
  out: Screen,
  now: number,
): string[] {
  const rows = sessions.map((session) => cells(session, now));
  const widths = headings.map((heading, at) => {
    const widest = Math.max(...rows.map((row) => row[at]?.length ?? 0));
    return widest === 0 ? 0 : Math.max(heading.length, widest);
  });
  fit(widths, out.width);
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => ({ cell, width: widths[at] ?? 0 }))
      .filter(({ width }) => width > 0)
      .map(({ cell, width }) => cut(cell, width).padEnd(width))
      .join(AIR)
      .trimEnd();
  return [out.paint('dim', line(headings)), ...rows.map(line)];
}

/** Makes the line as long as the window: first the keys go, then owners are cut, then devices. */
function fit(widths: number[], window: number): void {
  const keys = headings.length - 1;
  const total = (): number => widths.reduce((sum, width) => sum + (width === 0 ? 0 : width + AIR.length), -AIR.length);
  const shorten = (at: number, narrowest: number): void => {
    const width = widths[at] ?? 0;
    widths[at] = Math.min(width, Math.max(narrowest, width - Math.max(0, total() - window)));
  };
  shorten(keys, 0);
  if ((widths[keys] ?? 0) < NARROWEST_KEYS) widths[keys] = 0;
  shorten(OWNER_AT, NARROWEST_CELL);
  shorten(DEVICE_AT, NARROWEST_CELL);
}

function cells(session: SeenSession | UnreadableSession, now: number): string[] {
  const handle = shortHandle(session.handle);
  if (!isReadable(session)) return [handle, session.unreadable, '', '', '', '', '', ''];
  const { owner = '', label = '', createdAt, touchedAt, expiresAt, bytes, keys } = session;
  return [
    handle,
    ...[owner, label].map((text) => cut(printable(text), WIDEST_CELL)),
    ...[createdAt, touchedAt, expiresAt].map((at) => fromNow(at, now)),
    size(bytes),
    keys.map(({ name }) => printable(name)).join(', '),
  ];
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
