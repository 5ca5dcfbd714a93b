/** The server of a store, looked at from outside. */
export interface MeasuredServer {
  /** CPU time of all its processes since their start, and what went in and out, if it counts that. */
  used(): Promise<{ cpuUs: number; bytes: number }>;
  /** What clients send while something is done; `NaN` if it cannot tell. */
  commandsDuring(work: () => Promise<unknown>): Promise<number>;
}
