import { type Act, type Chapter, type Deed, type DeviceName, type Story, hourMs, minuteMs } from './story.ts';
import type { Rule } from './rules.ts';

/** A short story in which something was wrong once, or is easily done wrong. It is told in many orders. */
export interface Case {
  name: string;
  /** What it broke, or would break. */
  rule: Rule;
  tell(order: number): Story;
}

/** What a browser does; an array of deeds is one tab's, one after the other. */
type Doings = readonly (readonly [DeviceName, ...Deed[]])[];

function caseOf(name: string, rule: Rule, ...doings: readonly (Doings | number)[]): Case {
  return {
    name,
    rule,
    tell(order) {
      let id = 0;
      const act = (deed: Deed): Act => ({ id: id++, worker: id % 3, deed });
      const chapters: Chapter[] = [];
      for (const each of doings) {
        const last = chapters.at(-1);
        if (typeof each !== 'number')
          chapters.push({
            tabs: each.map(([device, ...deeds]) => ({ device, acts: deeds.map(act) })),
            schedule: order,
            thenMs: 1000,
          });
        else if (last !== undefined) last.thenMs = each;
      }
      return { seed: order, chapters };
    },
  };
}

const logIn: Deed = { do: 'log in', user: 'ada', keeps: false };
const logOut: Deed = { do: 'log out' };
const rotate: Deed = { do: 'rotate', saves: false };
const set: Deed = { do: 'set', saves: false };
const save: Deed = { do: 'set', saves: true };
const count: Deed = { do: 'count' };
const look: Deed = { do: 'look' };

const adaIsIn: Doings = [['ada phone', logIn]];
const adaIsInTwice: Doings = [
  ['ada phone', logIn],
  ['ada laptop', logIn],
];

export const logoutBesideRotation: Case = caseOf(
  'a logout beside a rotation of the same session',
  'a logout ends what its session was rotated into',
  adaIsIn,
  [
    ['ada phone', logOut],
    ['ada phone', rotate],
  ],
);
export const logoutBesideLatecomers: Case = caseOf(
  'a logout beside requests that hold a copy',
  'a logout is final',
  adaIsIn,
  [
    ['ada phone', logOut],
    ['ada phone', set],
    ['ada phone', count],
    ['ada phone', save],
  ],
);
export const everywhereBesideRotation: Case = caseOf(
  '"log out everywhere" beside rotations',
  'who logs out everywhere is out everywhere',
  adaIsIn,
  [
    ['ada laptop', { do: 'revoke all', user: 'ada' }],
    ['ada phone', rotate, rotate],
  ],
);
export const othersBesideRotation: Case = caseOf(
  '"log out all others" beside rotations of another',
  'who logs out everywhere is out everywhere',
  adaIsInTwice,
  [
    ['ada laptop', { do: 'revoke all others' }],
    ['ada phone', rotate, rotate],
  ],
);
export const revokedBesideRotation: Case = caseOf(
  'one session is revoked beside its rotation',
  'who was revoked is out',
  adaIsInTwice,
  [
    ['ada laptop', { do: 'revoke another' }],
    ['ada phone', rotate],
  ],
);
export const passwordChange: Case = caseOf(
  'a password change: rotate, then log out all others',
  'nobody is out who was not ended',
  adaIsInTwice,
  [['ada phone', { do: 'change password', order: 'rotate, revoke' }, look]],
);
export const passwordChangeSaved: Case = caseOf(
  'a password change that saves between',
  'nobody is out who was not ended',
  adaIsInTwice,
  [['ada phone', { do: 'change password', order: 'rotate, save, revoke' }, look]],
);
export const settingsAtOnce: Case = caseOf('two settings at the same time', 'settings hold', adaIsIn, [
  ['ada phone', { do: 'set persistence', persistent: false }],
  ['ada phone', { do: 'set idle timeout', ms: 20 * hourMs }],
]);
export const shorterIdleTime: Case = caseOf(
  'a shorter idle timeout beside a plain change',
  'a session ends when nobody used it',
  adaIsIn,
  [
    ['ada phone', { do: 'set idle timeout', ms: 10 * minuteMs }],
    ['ada phone', set],
  ],
  2 * hourMs,
  [['ada phone', look]],
);
export const twoRotations: Case = caseOf('two rotations of one session', 'a rotated session is one session', adaIsIn, [
  ['ada phone', rotate, look],
  ['ada phone', { do: 'rotate', saves: true }, look],
  ['ada phone', set],
]);
export const rotationBesideChanges: Case = caseOf(
  'a rotation beside changes of other keys',
  'what is stored stays',
  adaIsIn,
  [
    ['ada phone', rotate],
    ['ada phone', save],
    ['ada phone', count],
    ['ada phone', set],
  ],
);
export const countsAtOnce: Case = caseOf('counts of several workers', 'counts are exact', adaIsIn, [
  ['ada phone', count, count],
  ['ada phone', count, count],
  ['ada phone', count, set],
]);
export const plantedCookie: Case = caseOf(
  'a planted cookie beside the login that replaces it',
  'nobody is shown the session of another',
  [['mallory phone', set, { do: 'plant', into: 'ada phone' }]],
  [
    ['ada phone', { do: 'log in', user: 'ada', keeps: true }, look],
    ['mallory phone', save, count, look],
  ],
  [['mallory phone', look, save, look]],
);
export const stolenCookie: Case = caseOf(
  'a stolen cookie beside the next login',
  'nobody is shown the session of another',
  adaIsIn,
  [['mallory phone', { do: 'steal', from: 'ada phone' }, look]],
  [
    ['ada phone', { do: 'log in', user: 'ada', keeps: true }, set],
    ['mallory phone', look, save, count],
  ],
  [['mallory phone', look]],
);
export const visitorsFirstChanges: Case = caseOf("a visitor's first changes, and a login", 'what is stored stays', [
  ['bob phone', set, { do: 'log in', user: 'bob', keeps: true }],
  ['bob phone', count, set],
]);

/** Told in many orders on every store. */
export const cases: readonly Case[] = [
  logoutBesideRotation,
  logoutBesideLatecomers,
  everywhereBesideRotation,
  othersBesideRotation,
  revokedBesideRotation,
  passwordChange,
  passwordChangeSaved,
  settingsAtOnce,
  shorterIdleTime,
  twoRotations,
  rotationBesideChanges,
  countsAtOnce,
  plantedCookie,
  stolenCookie,
  visitorsFirstChanges,
];
