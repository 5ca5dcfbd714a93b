import {
  type Breach,
  type Ending,
  type History,
  type Issued,
  type Look,
  ancestorsOf,
  isRotated,
  rotatedInto,
} from './history.ts';
import { possibleValues } from './carried.ts';
import type { Rule } from './rules.ts';
import { idleTimeoutMs } from './story.ts';

/** Who was told to be out is out, and nobody else is. */
export function judgeEndings(history: History): Breach[] {
  const breaches: Breach[] = [];
  for (const each of history.looks) {
    const look = { ...each, cookie: history.seenBy(each) };
    if (look.seen.isFound) {
      for (const rule of endedBy(history, look)) breaches.push({ rule, by: look.by, text: `${nameOf(look)} lives` });
    } else if (mustLive(history, look.cookie, look.doneAt)) {
      breaches.push({ rule: 'nobody is out who was not ended', by: look.by, text: `${nameOf(look)} is not found` });
    }
  }
  for (const { by, cookie, doneAt } of toldToBeOut(history))
    if (mustLive(history, cookie, doneAt))
      breaches.push({
        rule: 'nobody is out who was not ended',
        by,
        text: `the request was told that the session is gone`,
      });
  return breaches;
}

function nameOf({ cookie }: Look): string {
  return `the session ${cookie.handle.slice(0, 6)}`;
}

/** Not by a look: by a refused change, or by a new cookie that did not come. */
function toldToBeOut({ writes, endings }: History): { by: Breach['by']; cookie: Issued; doneAt: number }[] {
  const refused = writes.filter(({ outcome }) => outcome === 'refused');
  const replacements = endings.filter((each) => each.what === 'replacement');
  return [...refused, ...replacements.filter(({ isConfirmed, made }) => isConfirmed && made === undefined)];
}

/** The rules by which a session that was found had to be over before the look began. */
function endedBy(history: History, { cookie, begunAt }: Look): Set<Rule> {
  const broken = new Set<Rule>();
  const line = rotatedInto(cookie);
  for (const ending of history.endings) {
    if (!ending.isConfirmed || ending.doneAt >= begunAt) continue;
    switch (ending.what) {
      case 'logout':
        if (ending.cookie === cookie) broken.add('a logout is final');
        else if (line.includes(ending.cookie)) broken.add('a logout ends what its session was rotated into');
        break;
      case 'revoke':
        // One that was there was not replaced before, and what replaces it afterwards ends itself.
        if (ending.handle === cookie.handle || (ending.wasThere && line.some(({ handle }) => handle === ending.handle)))
          broken.add('who was revoked is out');
        break;
      case 'revoke all':
        if (line.some((each) => isEndedByRevokeAll(ending, each)) && !line.some((each) => spares(ending, each)))
          broken.add('who logs out everywhere is out everywhere');
        break;
      case 'replacement':
        if (ending.cookie === cookie && ending.made !== undefined) broken.add('what was replaced is over');
        break;
    }
  }
  if (isIdleAway(history, cookie, begunAt)) broken.add('a session ends when nobody used it');
  return broken;
}

type RevokeAll = Extract<Ending, { what: 'revoke all' }>;

function isEndedByRevokeAll({ user, begunAt }: RevokeAll, session: Issued): boolean {
  return session.user === user && session.doneAt < begunAt;
}

/** The session that asks stays, and so does what it is replaced by in the same request. */
function spares({ spares: spared, by }: RevokeAll, session: Issued): boolean {
  return spared !== undefined && (session === spared || (session.from === spared && session.by === by));
}

/** Whether a session has to be found by whoever asks until `until`. */
function mustLive(history: History, session: Issued, until: number): boolean {
  return (
    !history.endings.some((ending) => mayEnd(history, ending, session, until)) &&
    !history.passes.some(({ at, ms }) => at > session.begunAt && at < until && ms >= shortestIdle(history, session))
  );
}

/**
 * An ending that was not over when the session began, and had begun before anybody asked. What ends a session ends what
 * it is rotated into at that time; a login goes on, unless the user of the old session logs out.
 */
function mayEnd(history: History, ending: Ending, session: Issued, until: number): boolean {
  if (ending.begunAt >= until || ending.doneAt < session.begunAt) return false;
  const line = rotatedInto(session);
  switch (ending.what) {
    case 'logout':
      // A login that came with the old cookie has replaced what that was rotated into.
      return ending.cookie === session || ancestorsOf(session).some((each) => isRotated(each, ending.cookie));
    case 'revoke':
      return [...line, ...history.rotations.filter(({ from }) => line.includes(from))].some(
        ({ handle }) => handle === ending.handle,
      );
    case 'revoke all':
      return session.user === ending.user && !spares(ending, session);
    case 'replacement':
      if (ending.isConfirmed && ending.made === undefined) return false;
      return line.includes(ending.cookie) && (ending.made === undefined || !line.includes(ending.made));
  }
}

/** The shortest idle time that anybody asked for, stored or not. */
function shortestIdle({ writes }: History, session: Issued): number {
  const line = new Set([session, ...ancestorsOf(session)]);
  const asked = writes.filter(({ what, cookie }) => what === 'idleTimeoutMs' && line.has(cookie));
  return Math.min(idleTimeoutMs, ...asked.map(({ value }) => Number(value)));
}

/** Nobody used it for as long as it may be idle: after a chapter nothing is in flight. */
function isIdleAway({ passes, writes }: History, session: Issued, begunAt: number): boolean {
  return passes.some(({ at, ms }) => {
    if (session.doneAt > at || at > begunAt) return false;
    const before = writes.filter((write) => write.begunAt < at);
    return ms >= Math.max(...[...possibleValues(before, 'idleTimeoutMs', session, idleTimeoutMs)].map(Number));
  });
}
