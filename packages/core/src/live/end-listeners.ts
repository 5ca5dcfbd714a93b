import type { SessionKey } from '../store.ts';
import type { Closes, TellsEnds } from '../store-abilities.ts';

/**
 * Who listens to a store for the ends of sessions.
 *
 * @param begin called with the first listener, to begin to hear of ends; what it returns is called after the last one left
 */
export function endListeners(begin: (tell: (key: SessionKey) => void) => () => void): TellsEnds & Closes {
  const listeners = new Set<(key: SessionKey) => void>();
  let end: (() => void) | undefined;

  const tell = (key: SessionKey): void => {
    for (const listener of [...listeners]) listener(key);
  };

  async function close(): Promise<void> {
    listeners.clear();
    end?.();
    end = undefined;
  }

  return {
    tellEnds(listener) {
      listeners.add(listener);
      end ??= begin(tell);
      return () => {
        if (listeners.delete(listener) && listeners.size === 0) void close();
      };
    },
    close,
  };
}
