import type { OwnerPage, SessionStore } from '@sess/core';
import type { Scheduler } from './scheduler.ts';

/** What changes nothing and tells nothing of a session. */
const passing: ReadonlySet<PropertyKey> = new Set(['describe', 'check', 'close', 'walk', 'sweep']);

/** In which order the keys of a storage were first seen: keys are random, and a story is not. */
export type Births = Map<unknown, number>;

/** A store whose calls wait for their turn, whatever its verbs are. */
export function gatedStore(store: SessionStore, scheduler: Scheduler, births: Births): SessionStore {
  const byBirth = (a: unknown, b: unknown): number => (births.get(a) ?? -1) - (births.get(b) ?? -1);

  /** Each page is a call. */
  async function* gatedPages(pages: AsyncIterator<OwnerPage>): AsyncGenerator<OwnerPage> {
    for (;;) {
      const next = await scheduler.call(() => pages.next());
      if (next.done === true) return;
      const { value } = next;
      yield { keys: value.keys.toSorted(byBirth), forget: (keys) => scheduler.call(() => value.forget(keys)) };
    }
  }

  return new Proxy(store, {
    get(target, name): unknown {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (passing.has(name)) return member.bind(target);
      if (name === 'keysByOwner')
        return (owner: string) => gatedPages(member.call(target, owner)[Symbol.asyncIterator]());
      return (...args: unknown[]) =>
        scheduler.call(() => {
          if (name === 'create') births.set(args[0], births.size);
          return member.apply(target, args);
        });
    },
  });
}
