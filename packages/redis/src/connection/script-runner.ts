import type { Script } from '../scripts/script.ts';
import type { RedisClient } from './redis-client.ts';
import { isUnknownScript } from './redis-errors.ts';

/** Runs scripts by their hash. Texts in an answer come as bytes. */
export interface ScriptRunner {
  evaluate(script: Script, key: string, args: readonly (string | Buffer)[]): Promise<unknown>;
  /** A server that was started anew knows no scripts. */
  forget(): void;
}

type RunScript = (script: string, keys: 1, key: string, ...args: (string | Buffer)[]) => Promise<unknown>;

/** ioredis has these, but its types leave them out. (`callBuffer` has types, and loses its arguments when pipelining.) */
interface ScriptCommands {
  evalBuffer: RunScript;
  evalshaBuffer: RunScript;
}

function hasScriptCommands(client: object): client is ScriptCommands {
  return 'evalBuffer' in client && 'evalshaBuffer' in client;
}

/**
 * @param usable the client for one command; it throws where none may be sent
 * @param inOrder a script is sent once and whole, so that no other command of the connection comes before it
 */
export function scriptRunner(usable: () => RedisClient, inOrder: boolean): ScriptRunner {
  const known = new Set<Script>();
  const commands = (): ScriptCommands => {
    const client = usable();
    if (!hasScriptCommands(client)) throw new TypeError('The client has no evalshaBuffer: it is not one of ioredis.');
    return client;
  };
  return {
    evaluate(script, key, args) {
      // The first time the whole script: it is known from then on, and nothing has to be sent twice.
      if (inOrder || !known.has(script)) {
        known.add(script);
        return commands().evalBuffer(script.lua, 1, key, ...args);
      }
      return commands()
        .evalshaBuffer(script.sha, 1, key, ...args)
        .catch((error: unknown) => {
          // SCRIPT FLUSH, a failover, another node of the cluster.
          if (!isUnknownScript(error)) throw error;
          return commands().evalBuffer(script.lua, 1, key, ...args);
        });
    },
    forget: () => known.clear(),
  };
}
