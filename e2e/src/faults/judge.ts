import { type History, type Visit, isConfirmed, tookMs } from './history.ts';
import { judgeData } from './judge-data.ts';
import { type Life, livesOf } from './lives.ts';
import { type Verdict, wrongly } from './verdict.ts';

export interface Rules {
  /**
   * An answer that takes longer is wrong, whatever it says: 2 s to open a session and 2 s to commit, and a second for a
   * busy machine. What the handler was asked to wait is not counted, nor how long the process of the visitors stood still.
   */
  readonly latestMs: number;
  /** Processes are killed, and connections go down with them. */
  readonly breaksConnections: boolean;
  /** The refusals of other libraries: any status from 500 on counts, with whatever headers. Nor are their cookies judged. */
  readonly isLenient: boolean;
  /** After a logout, late writes of that browser begin no new session. */
  readonly marksEnds: boolean;
  /** A server takes over that has only what was waited for: logins and logouts. What others wrote, or saw, may be gone. */
  readonly losesUnconfirmed: boolean;
}

export const strict: Rules = {
  latestMs: 5_000,
  breaksConnections: false,
  isLenient: false,
  marksEnds: true,
  losesUnconfirmed: false,
};

export interface Judged {
  readonly visit: Visit;
  readonly verdict: Verdict;
}

const right: Verdict = { outcome: 'right' };

/** Judges a whole history: each answer by all that was asked and told before it, and at the same time. */
export function judge(history: History, rules: Rules): Judged[] {
  const { losesUnconfirmed } = rules;
  const lives = livesOf(history, { hasSeenEnds: !losesUnconfirmed });
  const data = losesUnconfirmed ? new Map<Visit, Verdict>() : judgeData(history.visits, lives);
  return history.visits.map((visit) => {
    const life = visit.session === undefined ? undefined : lives.get(visit.session);
    return { visit, verdict: judgeForm(visit, life, rules) ?? judgeLife(visit, life) ?? data.get(visit) ?? right };
  });
}

/** What can be said of an answer by itself: its time, its status, its headers. */
function judgeForm(visit: Visit, life: Life | undefined, rules: Rules): Verdict | undefined {
  const { deed, status, endedAt, cookies, said = '' } = visit;
  // Who was dealt to a process that is killed at that moment may also wait for ever.
  if (status === undefined && rules.breaksConnections) return { outcome: 'broken off' };
  if (tookMs(visit) > rules.latestMs) return wrongly('late answer', `${deed}: ${tookMs(visit)} ms`);
  if (status === undefined) return wrongly('no answer', `${deed}: ${said}`);
  if (status === 503 || (rules.isLenient && status >= 500)) return judgeRefusal(visit, rules);
  if (status === 409 && life !== undefined && life.mayHaveEndedAt <= endedAt) return right;
  if (status !== 200) return wrongly('wrong answer', `${deed}: ${status} ${said}`);
  if (rules.isLenient) return undefined;
  const isBeginOrEnd = deed === 'login' || deed === 'logout' || deed === 'logout everywhere';
  // A cookie whose session was ended from elsewhere is a stranger's: a write gives it a session of its own. After its
  // own logout an end marker stands, so that no late answer takes the place of the next login's cookie.
  const strangerSince = (rules.marksEnds ? life?.mayHaveEndedUnmarkedAt : life?.mayHaveEndedAt) ?? Infinity;
  const mayBeStranger = (deed === 'set' || deed === 'count') && strangerSince <= endedAt;
  const isAsItShould = isBeginOrEnd ? cookies.length === 1 : cookies.length === 0 || mayBeStranger;
  return isAsItShould ? undefined : wrongly('wrong answer', `${deed}: ${cookies.length} cookies are set`);
}

/** A refusal says "try again", and touches no cookie. */
function judgeRefusal({ deed, isCalm, cookies, retryAfter, cacheControl }: Visit, { isLenient }: Rules): Verdict {
  if (isCalm === true) return wrongly('wrong answer', `${deed}: refused, though the fault is over`);
  if (isLenient) return { outcome: 'refused' };
  if (cookies.length > 0) return wrongly('wrong answer', `${deed}: a 503 with Set-Cookie`);
  if (retryAfter !== '1') return wrongly('wrong answer', `${deed}: a 503 with Retry-After ${retryAfter}`);
  if (cacheControl !== 'no-store') return wrongly('wrong answer', `${deed}: a 503 that may be kept by caches`);
  return { outcome: 'refused' };
}

/** Whether the session that an answer showed could be alive, or dead, at that time. */
function judgeLife(visit: Visit, life: Life | undefined): Verdict | undefined {
  if (visit.deed !== 'look' || life === undefined || !isConfirmed(visit)) return undefined;
  const { shown, user, askedAt, endedAt, session } = visit;
  if (shown !== null && shown !== user)
    return wrongly("another user's session", `${user} was shown ${JSON.stringify(shown)}`);
  if (shown === null && endedAt < life.mayHaveEndedAt) return wrongly('false logout', `${session} is not known`);
  if (shown !== null && life.hasEndedAt < askedAt) return wrongly('revived session', `${session} had ended`);
  return undefined;
}
