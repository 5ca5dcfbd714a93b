import { type History, type Visit, grouped, isConfirmed } from './history.ts';

/** When a session began and ended, as far as it can be known from outside. */
export interface Life {
  readonly user: string;
  /** From here on it may be gone: something that ends it had been asked for. */
  readonly mayHaveEndedAt: number;
  /** The same of ends that leave no end marker: a late write with its cookie then begins a session for nobody. */
  readonly mayHaveEndedUnmarkedAt: number;
  /** From here on it must be gone: an end was confirmed, or somebody was shown that it is gone. */
  readonly hasEndedAt: number;
}

interface End {
  readonly askedAt: number;
  readonly endedAt: number;
  readonly isConfirmed: boolean;
}

const first = (times: readonly number[]): number => times.reduce((a, b) => Math.min(a, b), Infinity);

/** The lives of all sessions that a login began, by name. `hasSeenEnds`: what was shown as gone once is gone for ever. */
export function livesOf({ visits, wipes }: History, { hasSeenEnds }: { hasSeenEnds: boolean }): Map<string, Life> {
  const bySession = grouped(visits, ({ session }) => session);
  const everywhere = new Map<string, Everywhere[]>();
  const ofUser = grouped(
    visits.filter(({ deed }) => deed === 'logout everywhere'),
    ({ user }) => user,
  );
  for (const [user, those] of ofUser) {
    const sure = (visit: Visit): boolean => isSure(visit, bySession.get(visit.session) ?? [], those, wipes);
    everywhere.set(
      user,
      those.map((visit) => ({ visit, isSure: sure(visit) })),
    );
  }
  const lives = new Map<string, Life>();
  for (const login of visits) {
    if (login.deed !== 'login' || login.session === undefined) continue;
    const own = bySession.get(login.session) ?? [];
    const unmarked = endsFromElsewhere(login, everywhere.get(login.user) ?? [], wipes);
    const ends = [...unmarked, ...ownEnds(own)];
    const mayHaveEndedAt = first(ends.map(({ askedAt }) => askedAt));
    const mayHaveEndedUnmarkedAt = first(unmarked.map(({ askedAt }) => askedAt));
    // Where nothing can have ended it, being shown as gone is the fault, and proves no end.
    const shownGone = hasSeenEnds ? own.filter(isShownGone) : [];
    const proofs = shownGone.map(({ endedAt }) => endedAt).filter((endedAt) => endedAt >= mayHaveEndedAt);
    const hasEndedAt = first([...ends.filter((end) => end.isConfirmed).map(({ endedAt }) => endedAt), ...proofs]);
    lives.set(login.session, { user: login.user, mayHaveEndedAt, mayHaveEndedUnmarkedAt, hasEndedAt });
  }
  return lives;
}

const isShownGone = (visit: Visit): boolean => isConfirmed(visit) && visit.deed === 'look' && visit.shown === null;

function ownEnds(own: readonly Visit[]): End[] {
  return own
    .filter(({ deed }) => deed === 'logout' || deed === 'logout everywhere')
    .map((visit) => ({ askedAt: visit.askedAt, endedAt: visit.endedAt, isConfirmed: isConfirmed(visit) }));
}

interface Everywhere {
  readonly visit: Visit;
  readonly isSure: boolean;
}

/** A login that was under way at the same time may have escaped. */
function endsFromElsewhere(login: Visit, everywhere: readonly Everywhere[], wipes: History['wipes']): End[] {
  const wasThere = ({ askedAt }: { askedAt: number }): boolean => login.endedAt < askedAt;
  const isLater = ({ endedAt }: { endedAt: number }): boolean => login.askedAt < endedAt;
  return [
    ...everywhere
      .filter(({ visit }) => isLater(visit))
      .map(({ visit: { askedAt, endedAt }, isSure: isConfirmedEnd }) => ({
        askedAt,
        endedAt,
        isConfirmed: isConfirmedEnd && wasThere({ askedAt }),
      })),
    ...wipes.filter(isLater).map((wipe) => ({ ...wipe, isConfirmed: !wipe.isPartial && wasThere(wipe) })),
  ];
}

/**
 * Who logs out everywhere has to be logged in. Somebody whose own session had ended ends no others.
 * @param own all visits of that session
 * @param everywhere all of that user that were asked to log out everywhere
 */
function isSure(visit: Visit, own: readonly Visit[], everywhere: readonly Visit[], wipes: History['wipes']): boolean {
  if (!isConfirmed(visit)) return false;
  const login = own.find(({ deed }) => deed === 'login');
  const others = [...own.filter(({ deed }) => deed === 'logout'), ...everywhere.filter((other) => other !== visit)];
  return ![...others, ...wipes].some(
    ({ askedAt, endedAt }) => askedAt < visit.endedAt && endedAt > (login?.askedAt ?? 0),
  );
}
