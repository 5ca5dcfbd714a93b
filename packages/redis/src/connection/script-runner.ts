import type { RedisClient } from './redis-client.ts';
import { isUnknownScript } from './redis-errors.ts';
import type { Script } from '../scripts/script.ts';

/** Runs scripts by their hash. Texts in an answer come as bytes. */
export interface ScriptRunner {
  evaluate(script: Script, key: string, args: readonly (string | Buffer)[]): Promise<unknown>;
  /** A server that was started anew knows no scripts. */
  forget(): void;
}

/** `usable`: the client for one command; it throws where none may be sent. */
export function scriptRunner(usable: () => RedisClient): ScriptRunner {
  const known = new Set<Script>();
  return {
    evaluate(script, key, args) {
      // The first time the whole script: it is known from then on, and nothing has to be sent twice.
      if (!known.has(script)) {
        known.add(script);
        return usable().callBuffer('eval', script.lua, 1, key, ...args);
      }
      return usable()
        .callBuffer('evalsha', script.sha, 1, key, ...args)
        .catch((error: unknown) => {
          // SCRIPT FLUSH, a failover, another node of the cluster.
          if (!isUnknownScript(error)) throw error;
          return usable().callBuffer('eval', script.lua, 1, key, ...args);
        });
    },
    forget: () => known.clear(),
  };
}
