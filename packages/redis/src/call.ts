/** Something to ask Redis: one command, or several that follow from one another. */
export interface Call<T> {
  /** For messages: `read`. */
  what: string;
  isRepeatable: boolean;
  /** When the operation began that this call is part of, by `performance.now()`. Absent: now. */
  since?: number;
  send(): Promise<T>;
}
