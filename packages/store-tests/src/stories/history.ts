import type { Rule } from './rules.ts';
import type { Act, DeviceName, UserName } from './story.ts';

/** A stretch of the story, in steps of its own counter. What was never answered ends never. */
export interface Span {
  begunAt: number;
  doneAt: number;
}

/** Whose doing a fact is: for people who read the story. */
export interface Source {
  act: Act;
  device: DeviceName;
}

/** A cookie that a browser was given, and what it stands for. */
export interface Issued extends Span {
  by: Source;
  cookie: string;
  handle: string;
  how: 'began' | 'rotated' | 'logged in';
  /** Whose session it is; nobody's where a visitor's session began. */
  user: UserName | undefined;
  /** The login that it goes back to. */
  login: number | undefined;
  /** The session that it took the place of. */
  from: Issued | undefined;
  /** The handle of that one: what another request has rotated it into may be told of later than this. */
  fromHandle: string | undefined;
  /** The data of that one went over to it. */
  keeps: boolean;
}

/** What one reader of a session was shown. */
export interface Seen {
  isFound: boolean;
  handle: string;
  user: unknown;
  login: unknown;
  count: unknown;
  /** The keys that acts have set, by the act's id. */
  keys: readonly number[];
  idleTimeoutMs: number;
  persistent: boolean;
  /** From the last touch to the deadline. */
  leftMs: number;
}

/** A request opened its session, or was told that there is none. */
export interface Look extends Span {
  by: Source | 'the judge';
  cookie: Issued;
  seen: Seen;
}

export type WriteOutcome = 'stored' | 'refused' | 'unknown';

export interface Write extends Span {
  by: Source;
  cookie: Issued;
  what: 'key' | 'count' | 'idleTimeoutMs' | 'persistent';
  value: number | boolean;
  /** By `save()` or `update()`, which say whether it is stored. */
  isExplicit: boolean;
  outcome: WriteOutcome;
}

interface EndingOf<What extends string> extends Span {
  by: Source;
  what: What;
  /** It was answered without an error. */
  isConfirmed: boolean;
}

/** What ends sessions. A replacement without `made` was told that there was nothing to replace. */
export type Ending =
  | (EndingOf<'logout'> & { cookie: Issued })
  | (EndingOf<'replacement'> & { cookie: Issued; made: Issued | undefined })
  | (EndingOf<'revoke'> & { handle: string; wasThere: boolean })
  | (EndingOf<'revoke all'> & { user: UserName; spares: Issued | undefined });

/** A rule was broken. */
export interface Breach {
  by: Source | 'the judge';
  rule: Rule;
  text: string;
}

/** A chapter is over: nothing is in flight. Then time passes. */
export interface Pass {
  at: number;
  ms: number;
}

/** All that anybody was told, in the order of one counter. */
export class History {
  #steps = 0;
  readonly issued: Issued[] = [];
  readonly looks: Look[] = [];
  readonly writes: Write[] = [];
  readonly endings: Ending[] = [];
  readonly passes: Pass[] = [];
  /** Handles that requests were told for the sessions that they rotated. Their cookies may never have been sent. */
  readonly rotations: { from: Issued; handle: string }[] = [];
  /** What was wrong at once, where no later fact can tell. */
  readonly oddities: Breach[] = [];

  step(): number {
    return (this.#steps += 1);
  }

  /** A browser is given a cookie. */
  issue(made: Issued): void {
    for (const each of this.issued) if (each.fromHandle === made.handle) each.from = made;
    made.from = this.issued.find(({ handle }) => handle === made.fromHandle) ?? made.from;
    this.issued.push(made);
  }

  /** What a look saw: the cookie's own session, or what that was rotated into. */
  seenBy({ cookie, seen }: Look): Issued {
    return this.issued.find((each) => each.handle === seen.handle && rotatedInto(each).includes(cookie)) ?? cookie;
  }

  issuedAs(cookie: string | undefined): Issued | undefined {
    return cookie === undefined ? undefined : this.issued.find((each) => each.cookie === cookie);
  }
}

/** The sessions that this one came from, the latest first. */
export function ancestorsOf(issued: Issued): Issued[] {
  return issued.from === undefined ? [] : [issued.from, ...ancestorsOf(issued.from)];
}

/** This session, and those that were rotated into it. */
export function rotatedInto(issued: Issued): Issued[] {
  return issued.how === 'rotated' && issued.from !== undefined ? [issued, ...rotatedInto(issued.from)] : [issued];
}

/** Whether two cookies are of one session, under tokens that it had one after the other. */
export function isRotated(one: Issued, other: Issued): boolean {
  return rotatedInto(one).at(-1) === rotatedInto(other).at(-1);
}
