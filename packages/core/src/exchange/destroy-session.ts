import { SessError } from '../errors.ts';
import type { SessionRequest } from './session-request.ts';
import { Fields } from '../session/fields.ts';
import { endWithSuccessors } from './successors.ts';
import type { SessionState } from '../session/session-state.ts';

/**
 * Ends a session in the store. An end marker stays, since the answer that clears the cookie is only
 * on its way: a parallel request with the old cookie is known by it.
 * @throws SessError `HEADERS_SENT` with cookie sessions, where the cookie cannot be cleared any more
 */
export async function destroySession(exchange: SessionRequest, state: SessionState): Promise<void> {
  if (state.closing === 'replaced')
    throw new SessError(
      'SESSION_ENDED',
      "destroy(): regenerate() put a new session in this one's place. Destroy the request's session.",
    );
  // A session that is in its cookie lives as long as the browser keeps that.
  if (exchange.engine.carrier.holdsSession && state.standing === 'stored') exchange.mustSendCookie('destroy()');
  // From here on nothing is written any more; a failed attempt is repeated at commit.
  state.closing = 'destroyed';
  state.fields = new Fields({});
  for (let target: SessionState | undefined = state; target !== undefined; target = target.replaces?.state) {
    // A replaced one that is gone may have gone on by another request's rotation, which this one has not joined yet.
    if (target.standing === 'new' || (target === state && target.standing === 'gone')) continue;
    const wasThere = target.standing === 'stored';
    // Also one that has ended: the logout that ended it may not have been confirmed, and this is its retry.
    await endWithSuccessors(target.claim, wasThere ? { endMarkerMs: exchange.engine.endMarkerMs } : {});
    target.standing = 'gone';
  }
  state.replaces = undefined;
  if (exchange.rivals !== undefined) await endRivals(exchange);
  exchange.headers.clearCookie();
}

/** Ends the sessions of the cookies that made the request's session ambiguous: else the next request has several again. */
export async function endRivals({ rivals = [], engine }: SessionRequest): Promise<void> {
  await Promise.all(rivals.map((claim) => endWithSuccessors(claim, { endMarkerMs: engine.endMarkerMs })));
}
