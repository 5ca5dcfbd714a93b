import type { Sessions } from '@sess/core';
import type { AnySession } from './any-session.ts';
import { History, type Issued, type Look, type Seen } from './history.ts';
import type { Act, DeviceName, UserName } from './story.ts';
import type { World } from './world.ts';

/** One story as it is played: the browsers' jars, and what was told. */
export class Scene {
  readonly world: World;
  readonly history: History = new History();
  readonly jars: Map<DeviceName, string> = new Map();
  /** Tells this story's users from those of others on the same storage. */
  readonly #id: string;

  constructor(world: World, id: string) {
    this.world = world;
    this.#id = id;
  }

  ownerOf(user: UserName): string {
    return `${user}-${this.#id}`;
  }

  workerOf({ worker }: Act): Sessions {
    const { workers } = this.world;
    const sessions = workers[worker % workers.length];
    if (sessions === undefined) throw new RangeError('The app has no workers.');
    return sessions;
  }

  /** Opens what a cookie stands for. A look is a fact only where the cookie is one that was given. */
  async look(sessions: Sessions, cookie: Issued, by: Look['by']): Promise<{ session: AnySession; seen: Seen }> {
    const begunAt = this.history.step();
    const session = (await sessions.open(cookie.cookie)) as AnySession;
    const seen = seenIn(session);
    this.history.looks.push({ begunAt, doneAt: this.history.step(), by, cookie, seen });
    return { session, seen };
  }
}

export function seenIn(session: AnySession): Seen {
  return {
    isFound: !session.isNew,
    handle: session.handle,
    user: session['user'],
    login: session['login'],
    count: session['count'],
    keys: Object.keys(session).flatMap((name) => (/^key\d+$/.test(name) ? [Number(name.slice(3))] : [])),
    idleTimeoutMs: session.idleTimeoutMs,
    persistent: session.persistent,
    leftMs: session.expiresAt.getTime() - session.touchedAt.getTime(),
  };
}
