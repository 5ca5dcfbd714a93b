/** What this app keeps in a session. Merging this interface types `req.session`, `ctx.session` and `session.update`. */
declare module '@sess/core' {
  interface SessionData {
    userId?: string;
    views?: number;
  }
}

/** Who gave an answer: processes have numbers that survive a restart, so a colour keeps its place. */
export interface Answerer {
  readonly worker: number;
  readonly pid: number;
}

export function answerer(env: NodeJS.ProcessEnv = process.env): Answerer {
  return { worker: Number(env['DEMO_WORKER'] ?? 1), pid: process.pid };
}
