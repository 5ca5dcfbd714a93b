import type { AnySession } from './any-session.ts';

/**
 * What a rotation is: a new token for the same session. With a verb of its own the old cookie still finds the session
 * for a while, and nothing that was sent with it is lost. `regenerate()` is made for logins: what is sent with the old
 * cookie at the same time may be dropped, and is told so.
 */
export const rotation: { isOneSession: boolean; rotate(session: AnySession): Promise<AnySession> } = {
  isOneSession: false,
  rotate: async (session) => (await session.regenerate({ keep: true })) as AnySession,
};
