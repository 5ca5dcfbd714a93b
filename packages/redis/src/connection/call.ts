/** Something to ask Redis: one command, or several that follow from one another. */
export interface Call<T> {
  /** For messages: `a read`. */
  what: string;
  /** When its caller stops waiting, in milliseconds of `performance.now()`. */
  by: number;
  /** Whether it may be sent again when the connection was lost before its answer came. */
  isRepeatable: boolean;
  send(): Promise<T>;
}
