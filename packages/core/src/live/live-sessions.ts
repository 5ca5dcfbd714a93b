import { AsyncLocalStorage } from 'node:async_hooks';

import type { Claim } from '../cookie/claim.ts';
import type { Engine } from '../exchange/engine.ts';
import { isStored, readFollowing } from '../exchange/successors.ts';
import { isPastAbsolute } from '../expiry.ts';
import type { SessionState } from '../session/session-state.ts';
import type { SessionKey, StoredSession } from '../store.ts';

/** Sessions that are read at once. More would delay the reads of requests. */
const AT_ONCE = 32;

/** The sessions are read in so many groups an interval, and not all at one time. */
const GROUPS = 5;

/** The request that opened a connection. A regenerate gives it another session. */
interface OpeningRequest {
  readonly state: SessionState;
}

/** A connection that is to be told of the end of its session. */
interface Watcher {
  readonly onEnded: () => void;
  /** Held weakly: where the app has let go of the session, nobody can use it any more. */
  readonly request: WeakRef<OpeningRequest>;
  /** What it watches; `undefined` while its session is not stored yet, and when it is over. */
  watched: Watched | undefined;
}

/** A session that connections of this process depend on. */
interface Watched {
  readonly claim: Claim;
  /** Those that it had before rotations. */
  readonly formerKeys: Set<SessionKey>;
  readonly watchers: Set<Watcher>;
  /** When the last read began that found it alive, by `performance.now()`. */
  lookedAt: number;
}

/** Calls back with the key of each session that may have ended. @returns stops it */
export type Hints = (hint: (key: SessionKey) => void) => () => void;

/**
 * The sessions that live connections of this process depend on (WebSockets, event streams). Each is read again once in
 * `everyMs`, which is what the bound rests on. What the store tells meanwhile is a hint: it only makes the next read
 * come at once, so a hint that is lost costs time, and one that is wrong costs a read.
 *
 * While nothing is watched there is no timer, and nobody listens to the store.
 */
export class LiveSessions {
  readonly #engine: Pick<Engine, 'clock' | 'timeouts'>;
  readonly #everyMs: number;
  readonly #hints: Hints;
  readonly #watched = new Map<SessionKey, Watched>();
  readonly #unstored = new Map<Watcher, { request: OpeningRequest; state: SessionState }>();
  /** Connections are told outside of any request's context: the request that logs out is not theirs. */
  readonly #outsideRequests: <T>(work: () => T) => T = AsyncLocalStorage.snapshot();
  #timer: NodeJS.Timeout | undefined;
  #stopHints = (): void => {};
  #isLooking = false;
  #isClosed = false;

  constructor(engine: Pick<Engine, 'clock' | 'timeouts'>, everyMs: number, hints: Hints) {
    this.#engine = engine;
    this.#everyMs = everyMs;
    this.#hints = hints;
  }

  /** @returns stops watching */
  watch(request: OpeningRequest, onEnded: () => void): () => void {
    if (this.#isClosed) return () => {};
    const { state } = request;
    const watcher: Watcher = { onEnded, request: new WeakRef(request), watched: undefined };
    if (this.#timer === undefined) this.#outsideRequests(() => this.#start());
    if (state.standing === 'new') this.#unstored.set(watcher, { request, state });
    else this.#add(watcher, state.claim);
    // What this request knows to have ended is told at once, but not before this returns.
    if (state.standing === 'ended' || state.standing === 'gone') this.hint(state.key);
    return () => this.#remove(watcher);
  }

  /** A session may have ended: it is looked at now. */
  hint(key: SessionKey): void {
    const watched = this.#watched.get(key);
    if (watched === undefined) return;
    // If the read fails, it is repeated with the next group.
    this.#look(watched).catch(() => (watched.lookedAt = -Infinity));
  }

  /** Watches nothing any more, and tells nobody. */
  close(): void {
    this.#isClosed = true;
    this.#watched.clear();
    this.#unstored.clear();
    this.#stop();
  }

  #start(): void {
    this.#timer = setInterval(() => void this.#lookAtDue(), this.#everyMs / GROUPS);
    // Connections keep a process alive; what watches their sessions does not.
    this.#timer.unref();
    this.#stopHints = this.#hints((key) => this.hint(key));
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stopHints();
    this.#stopHints = () => {};
  }

  async #lookAtDue(): Promise<void> {
    if (this.#isLooking) return;
    if (this.#watched.size === 0 && this.#unstored.size === 0) return this.#stop();
    this.#isLooking = true;
    this.#addStored();
    // One group early: what is not due now is read with the next one, which is still in time.
    const dueBefore = performance.now() - this.#everyMs * (1 - 1 / GROUPS);
    const due = [...this.#watched.values()].filter(({ lookedAt }) => lookedAt <= dueBefore);
    for (let at = 0; at < due.length; at += AT_ONCE)
      // A session that cannot be read has not ended. It stays due.
      await Promise.allSettled(due.slice(at, at + AT_ONCE).map((watched) => this.#look(watched)));
    this.#isLooking = false;
  }

  /** Sessions that their requests have stored since they were watched. */
  #addStored(): void {
    for (const [watcher, unstored] of this.#unstored) {
      const { request, state } = unstored;
      // Regenerated before it was stored: nothing has ended, and the new session is the first that can.
      if (state.standing === 'new' && state.closing === 'replaced') unstored.state = request.state;
      if (unstored.state.standing === 'new') continue;
      this.#unstored.delete(watcher);
      this.#add(watcher, unstored.state.claim).lookedAt = -Infinity;
    }
  }

  async #look(watched: Watched): Promise<void> {
    const { key } = watched.claim;
    const begunAt = performance.now();
    const { claim, found } = await readFollowing(watched.claim);
    const { clock, timeouts } = this.#engine;
    // Meanwhile it may have been told of its end, or moved.
    if (this.#watched.get(key) !== watched) return;
    if (!isStored(found) || isPastAbsolute(clock(), found.record.createdAt, timeouts)) return this.#end(watched);
    watched.lookedAt = begunAt;
    if (claim.key !== key) this.#move(watched, claim);
    this.#follow(claim, found);
  }

  #end(watched: Watched): void {
    this.#watched.delete(watched.claim.key);
    for (const watcher of watched.watchers) {
      watcher.watched = undefined;
      // Each by itself: one that throws must not keep the others from being told.
      this.#outsideRequests(() => queueMicrotask(() => watcher.onEnded()));
    }
  }

  /** It was rotated: the same session goes on under another key. */
  #move(watched: Watched, claim: Claim): void {
    const { key } = watched.claim;
    this.#watched.delete(key);
    for (const watcher of watched.watchers) {
      const { formerKeys } = this.#add(watcher, claim);
      for (const former of [key, ...watched.formerKeys]) formerKeys.add(former);
    }
  }

  /**
   * The sessions of the connections go on under the new key too, also where they are used or ended later. At each look: what
   * was under way under the old key may have come back to it.
   */
  #follow(claim: Claim, found: StoredSession): void {
    const watched = this.#watched.get(claim.key);
    for (const { request } of watched?.watchers ?? []) {
      const state = request.deref()?.state;
      if (state?.knownKey === undefined || state.standing !== 'stored' || state.closing !== undefined) continue;
      if (watched?.formerKeys.has(state.knownKey) === true) state.moveTo(claim, found);
    }
  }

  #add(watcher: Watcher, claim: Claim): Watched {
    const watched = this.#watched.get(claim.key) ?? {
      claim,
      formerKeys: new Set(),
      watchers: new Set(),
      lookedAt: performance.now(),
    };
    this.#watched.set(claim.key, watched);
    watcher.watched = watched;
    watched.watchers.add(watcher);
    return watched;
  }

  #remove(watcher: Watcher): void {
    this.#unstored.delete(watcher);
    const { watched } = watcher;
    if (watched === undefined) return;
    watcher.watched = undefined;
    watched.watchers.delete(watcher);
    if (watched.watchers.size === 0 && this.#watched.get(watched.claim.key) === watched)
      this.#watched.delete(watched.claim.key);
  }
}
