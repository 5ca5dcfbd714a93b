import { carried, possibleValues } from './carried.ts';
import { type Breach, type History, type Issued, type Look, type Seen, rotatedInto } from './history.ts';
import { rotation } from './rotation.ts';
import type { Rule } from './rules.ts';
import type { Scene } from './scene.ts';
import { idleTimeoutMs } from './story.ts';

/** What sessions show is theirs, and all of what was stored is there. */
export function judgeData(scene: Scene): Breach[] {
  const { history } = scene;
  const breaches: Breach[] = [];
  for (const look of history.looks) {
    const { cookie, seen, by } = look;
    if (!seen.isFound) continue;
    const breach = (rule: Rule, text: string): void =>
      void breaches.push({ rule, by, text: `the session ${cookie.handle.slice(0, 6)}: ${text}` });
    judgeIdentity(cookie, seen, cookie.user && scene.ownerOf(cookie.user), breach);
    // What other requests are about to store is theirs to know; after a chapter nothing is in flight.
    if (by === 'the judge') judgeContent(history, look, breach);
  }
  return [...breaches, ...rotatedTwice(history)];
}

type Report = (rule: Rule, text: string) => void;

/** The old cookie of a session that was replaced must show nothing of the new one: whoever planted it has it still. */
function judgeIdentity(cookie: Issued, seen: Seen, owner: string | undefined, breach: Report): void {
  if (seen.user !== owner || seen.login !== cookie.login)
    breach('nobody is shown the session of another', `shows ${String(seen.user)}, login ${String(seen.login)}`);
  else if (!rotation.isOneSession && seen.handle !== cookie.handle)
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

/** Of all that a session was rotated into one lives. */
function rotatedTwice({ looks }: History): Breach[] {
  const breaches: Breach[] = [];
  const alive = new Map<Issued, Look>();
  for (const look of looks) {
    const first = rotatedInto(look.cookie).at(-1);
    if (look.by !== 'the judge' || first === undefined) continue;
    const other = alive.get(first);
    if (look.seen.isFound) alive.set(first, look);
    else if (other?.cookie === look.cookie) alive.delete(first);
    if (other === undefined || other.cookie === look.cookie || !look.seen.isFound) continue;
    if (other.seen.handle !== look.seen.handle)
      breaches.push({
        rule: 'a rotated session is one session',
        by: 'the judge',
        text: `${other.seen.handle.slice(0, 6)} and ${look.seen.handle.slice(0, 6)} live`,
      });
  }
  return breaches;
}
