import { ironSession } from '@sess/core/formerly';
import { createNextSessions } from '@sess/next';
import { unsealData } from 'iron-session';

/** Sessions of an app whose users came with iron-session's cookies. */
export const { readSession, withSession } = createNextSessions(() => ({
  cookie: { name: 'moved', secure: false },
  formerly: ironSession({ unsealData, password: process.env['IRON_PASSWORD'] ?? '', cookieName: 'app' }),
}));
