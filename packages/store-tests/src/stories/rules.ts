/** What the judge holds a story against. A rule's name is the sentence that was broken. */
export const rules = [
  'nobody is out who was not ended',
  'a logout is final',
  'a logout ends what its session was rotated into',
  'who was revoked is out',
  'who logs out everywhere is out everywhere',
  'what was replaced is over',
  'a session ends when nobody used it',
  'nobody is shown the session of another',
  'a rotated session is one session',
  'what is stored stays',
  'nothing comes in from another session',
  'counts are exact',
  'settings hold',
  'owners find their sessions',
  'cookies are sent when they change',
  'a healthy store fails nobody',
] as const;

export type Rule = (typeof rules)[number];
