import type { Session, Sessions } from '@sess/core';

/** A browser that keeps its cookie, and talks to an app whose one route is the handler. */
export function visitor(sessions: Sessions) {
  let cookie: string | undefined;
  return async (handler: (session: Session) => unknown): Promise<unknown> => {
    const headers: Record<string, string> = cookie === undefined ? {} : { cookie };
    const answer = await sessions.handle(new Request('http://test/', { headers }), async (session) =>
      Response.json((await handler(session)) ?? null),
    );
    const [pair] = answer.headers.getSetCookie()[0]?.split(';') ?? [];
    if (pair !== undefined) cookie = pair;
    return answer.json();
  };
}
