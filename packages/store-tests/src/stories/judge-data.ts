import { carried, possibleValues } from './carried.ts';
import { type Breach, type History, type Issued, type Look, type Seen, isRotated } from './history.ts';
import type { Rule } from './rules.ts';
import type { Scene } from './scene.ts';
import { idleTimeoutMs } from './story.ts';

/** What sessions show is theirs, and all of what was stored is there. */
export function judgeData(scene: Scene): Breach[] {
  const { history } = scene;
  const breaches: Breach[] = [];
  for (const look of history.looks) {
    const { seen, by } = look;
    if (!seen.isFound) continue;
    const cookie = history.seenBy(look);
    const breach = (rule: Rule, text: string): void =>
      void breaches.push({ rule, by, text: `the session ${cookie.handle.slice(0, 6)}: ${text}` });
    judgeIdentity(cookie, seen, cookie.user && scene.ownerOf(cookie.user), {
      breach,
      // A rotation that came to nothing was never issued: its session is the cookie's own.
      isIssued: (handle) => history.issued.some((each) => each.handle === handle),
    });
    // What other requests are about to store is theirs to know; after a chapter nothing is in flight.
    if (by === 'the judge') judgeContent(history, { ...look, cookie }, breach);
  }
  return [...breaches, ...rotatedTwice(history)];
}

type Report = (rule: Rule, text: string) => void;

/** The old cookie of a session that was replaced must show nothing of the new one: whoever planted it has it still. */
function judgeIdentity(
  cookie: Issued,
  seen: Seen,
  owner: string | undefined,
  { breach, isIssued }: { breach: Report; isIssued(handle: string): boolean },
): void {
  if (seen.user !== owner || seen.login !== cookie.login)
    breach('nobody is shown the session of another', `shows ${String(seen.user)}, login ${String(seen.login)}`);
  else if (seen.handle !== cookie.handle && isIssued(seen.handle))
    breach('nobody is shown the session of another', `its cookie opens ${seen.handle.slice(0, 6)}`);
}

function judgeContent(history: History, { cookie, seen, begunAt }: Look, breach: Report): void {
  const writes = history.writes.filter((write) => write.begunAt < begunAt);
  const there = new Set<number>(seen.keys);
  let atLeast = 0;
  let atMost = 0;
  for (const write of writes) {
    const is = carried(write, cookie);
    if (write.what === 'count') {
      if (is === 'must') atLeast += 1;
      if (is !== 'never') atMost += 1;
    } else if (write.what === 'key') {
      const isThere = there.delete(Number(write.value));
      if (is === 'must' && !isThere) breach('what is stored stays', `key${write.value} is lost`);
      if (is === 'never' && isThere) breach('nothing comes in from another session', `key${write.value} came in`);
    }
  }
  for (const key of there) breach('nothing comes in from another session', `key${key} came in`);
  const count = Number(seen.count ?? 0);
  if (count < atLeast || count > atMost)
    breach(
      'counts are exact',
      `counts ${count}, and was told ${atLeast === atMost ? atLeast : `${atLeast} to ${atMost}`}`,
    );

  const idle = possibleValues(writes, 'idleTimeoutMs', cookie, idleTimeoutMs);
  if (!idle.has(seen.idleTimeoutMs))
    breach('settings hold', `idleTimeoutMs is ${seen.idleTimeoutMs}, not ${listed(idle)}`);
  const persistent = possibleValues(writes, 'persistent', cookie, true);
  if (!persistent.has(seen.persistent))
    breach('settings hold', `persistent is ${seen.persistent}, not ${listed(persistent)}`);
  if (seen.leftMs > seen.idleTimeoutMs)
    breach(
      'a session ends when nobody used it',
      `lives ${seen.leftMs} ms after its last use, not ${seen.idleTimeoutMs}`,
    );
}

function listed(values: ReadonlySet<unknown>): string {
  return [...values].join(' or ');
}

/** All cookies of a session that was rotated open one session. The judge looks at them in the order of their making. */
function rotatedTwice({ looks, issued }: History): Breach[] {
  const breaches: Breach[] = [];
  const opened = new Map<Issued, string>();
  for (const { by, cookie, seen } of looks) {
    if (by !== 'the judge') continue;
    if (!seen.isFound) {
      opened.delete(cookie);
      continue;
    }
    opened.set(cookie, seen.handle);
    for (const [other, handle] of opened) {
      const isOlder = issued.indexOf(other) < issued.indexOf(cookie);
      if (!isOlder || handle === seen.handle || !isRotated(other, cookie)) continue;
      const text = `${handle.slice(0, 6)} and ${seen.handle.slice(0, 6)} live`;
      breaches.push({ rule: 'a rotated session is one session', by, text });
    }
  }
  return breaches;
}
