/** What a commit has to know of the answer that it is for. */
export interface CommittedAnswer {
  /**
   * It is an error (5xx). The app was told of a fault, and tells the client: what it could not store is not tried once
   * more, and what cannot be stored does not take the place of its answer.
   */
  isFailed?: boolean;
  /** It had a commit before this one, and nothing of it has left in between. */
  isSecond?: boolean;
  /** Nothing of the app comes in between: the commit is synchronous also where all is stored in the cookie. */
  isEnded?: boolean;
  /** The app has given it, and is not asked again: what looks at the session from here on is a log. */
  isGiven?: boolean;
}
