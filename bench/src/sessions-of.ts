import type { Contender } from './contender.ts';
import type { Scenario } from './scenario.ts';
import { fillWithSessions } from './visitor.ts';

/**
 * Sessions of contenders, made when a scenario asks for them first. Those that read and those that write go to the same
 * ones: each has all of them in its warm-up already. A server without sessions gets `plainCookie`.
 */
export function sessionsInTurn(plainCookie: string): (contender: Contender, scenario: Scenario) => Promise<string[]> {
  const made = new Map<Contender, Map<string, string[]>>();
  return async (contender, { sessions, bytes }) => {
    const own = made.get(contender) ?? new Map<string, string[]>();
    made.set(contender, own);
    const kind = `${sessions} of ${bytes}`;
    let cookies = own.get(kind);
    if (cookies === undefined) {
      const filled = await fillWithSessions(contender.port, sessions, bytes);
      cookies = filled.map((cookie) => (cookie === '' ? plainCookie : cookie));
      own.set(kind, cookies);
    }
    return cookies;
  };
}
