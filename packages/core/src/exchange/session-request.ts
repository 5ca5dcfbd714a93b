import type { Claim } from '../cookie/claim.ts';
import type { SessionState } from '../session/session-state.ts';
import type { AnswerHeaders } from './answer-headers.ts';
import type { Engine } from './engine.ts';

/** What the verbs (create, store, touch, replace, destroy) need of the request that they work for. */
export interface SessionRequest {
  readonly engine: Engine;
  readonly headers: Pick<AnswerHeaders, 'setCookie' | 'clearCookie' | 'haveLeft' | 'hasSessionLeft'>;
  /** Of an ambiguous header: what its cookies stand for. A login or a logout ends these sessions. */
  readonly rivals: readonly Claim[] | undefined;
  /**
   * Whether a change of the session can still be stored; `what` is named in the error if not.
   *
   * @throws SessError `SESSION_ENDED`, `HEADERS_SENT`, a fault at open, and outside production `SESSION_SEALED`
   */
  mayChange(state: SessionState, what: string): boolean;
  /**
   * The same later on, for a change that was made in time and had to wait for others.
   *
   * @throws SessError `SESSION_ENDED`, `HEADERS_SENT`
   */
  mustStayOpen(state: SessionState, what: string): void;
  /** @throws SessError `HEADERS_SENT` where no cookie can be sent any more */
  mustSendCookie(what: string): void;
}
