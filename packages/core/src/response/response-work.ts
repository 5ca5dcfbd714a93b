import type { SessError } from '../errors.ts';
import type { SessionHeaders } from './session-headers.ts';

/** A text that tells the developer what to mend; `isPage`: a browser shows it, so it is not wrapped in JSON. */
export interface Explanation {
  text: string;
  isPage: boolean;
}

/** What happens to the session on the way of a response. */
export interface ResponseWork {
  /**
   * The app begins its answer, with this status. Called once. A plain result defers nothing. When it
   * rejects or throws, the answer is the error's: 503, or the status of the `SessError`.
   * @param isEnded with the same call the app ends its answer: nothing else of the app comes in between
   */
  commit(statusCode: number, isEnded: boolean): SessionHeaders | Promise<SessionHeaders>;
  /**
   * The app has ended an answer that began before: what was changed since is stored before the last
   * bytes leave. When it rejects or throws, the client gets a broken answer, never a whole one.
   * @param isHeld nothing of the answer has left yet
   */
  commitLate(isHeld: boolean): void | Promise<void>;
  /** The head has bypassed the hold: no cookie can be sent any more. */
  headersLeft?(): void;
  /** A `Set-Cookie` value for an error in place of the answer, if there is one. */
  failureCookie?(): string | undefined;
  /**
   * Where the framework has an error handler: it answers a mistake in the app's data in place of the app, which has ended
   * an answer of which nothing has left. The response is as at the start when it does. Says whether it will.
   */
  handOver?: ((error: SessError) => boolean) | undefined;
  /** What such an answer says to the developer, instead of a sentence for users. */
  explain?(error: unknown): Explanation | undefined;
  /**
   * The app has ended its answer, and the last commit has begun: it does not see later changes. Or, `byFault`, a fault of
   * the store has taken the answer's place, whether the app has ended it or not.
   */
  seal(byFault: boolean): void;
  /** The client went away before the app ended its answer: nothing is to be stored. Neither commit begins after this. */
  abandon(): void;
  /** The response was closed, whatever came of it: listeners of the app's that come after this may look at the session. */
  over?(): void;
}
