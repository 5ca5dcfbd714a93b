import type { Session, Sessions } from '@sess/core';
import { deviceOf } from './device.ts';
import { healthCheck } from './health.ts';
import { delayOf, userOf, valueOf } from './input.ts';
import type { PageView } from './page-view.ts';
import { renderPage } from './page.ts';
import { Problem } from './problems.ts';
import { type Reply, jsonReply, pageReply, seeOther } from './reply.ts';
import { answerer } from './session-data.ts';

/** What a handler needs to know of a request with a body. */
export interface Input {
  readonly body: unknown;
  /** A form of the page, sent by the browser itself: it is answered with a redirect. */
  readonly form: boolean;
  /** The header `User-Agent`, by which a login is named in the list of one's sessions. */
  readonly userAgent?: string | undefined;
}

export interface DemoOptions {
  readonly sessions: Sessions;
  /** What keeps the sessions: `fs`, `memory`, `redis`, `postgres`, `cookie`. */
  readonly store: string;
  /** As the page names it, for example `Express`. */
  readonly framework: string;
  /** Why this store: the reason of the library, or the flag that was given. */
  readonly why: string;
  readonly workers: number;
}

/** The routes of the demo, without a framework: each takes a session and gives an answer. */
export interface Demo {
  page(session: Session): Reply;
  /** What stands on the page, for a framework that draws it itself. */
  view(user: string | undefined): PageView;
  me(session: Session): Reply;
  login(session: Session, input: Input): Promise<Reply>;
  logout(session: Session, input: Input): Promise<Reply>;
  logoutEverywhere(session: Session, input: Input): Promise<Reply>;
  count(session: Session): Promise<Reply>;
  set(session: Session, key: string, body: unknown, delay: unknown): Promise<Reply>;
  get(session: Session, key: string): Reply;
  list(session: Session): Promise<Reply>;
  revoke(session: Session, handle: string): Promise<Reply>;
  health(): Promise<Reply>;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

export function createDemo({ sessions, store, framework, why, workers }: DemoOptions): Demo {
  const isHealthy = healthCheck(sessions, store);

  const view = (user: string | undefined): PageView => ({ framework, store, why, workers, user, ...answerer() });

  return {
    page: (session) => pageReply(renderPage(view(session.userId))),
    view,

    me: (session) =>
      jsonReply({
        user: session.userId ?? null,
        ...answerer(),
        store,
        views: session.views ?? 0,
        keys: Object.keys(session),
        handle: session.isNew ? null : session.handle,
      }),

    async login(session, { body, form, userAgent }) {
      const user = userOf(body);
      // A new token at every login, so a token that was planted before is worth nothing after.
      const fresh = await session.regenerate({ owner: user, label: deviceOf(userAgent) });
      fresh.userId = user;
      return form ? seeOther('/') : jsonReply({ user });
    },

    async logout(session, { form }) {
      await session.destroy();
      return form ? seeOther('/') : jsonReply({ user: null });
    },

    async logoutEverywhere(session, { form }) {
      // One's own session last: if the store fails in between, the button is still there to press again.
      const others = session.owner === undefined ? 0 : await sessions.revokeAll(session.owner, { except: session });
      await session.destroy();
      return form ? seeOther('/') : jsonReply({ user: null, revoked: others });
    },

    async count(session) {
      // Not `session.views += 1`: two workers would read the same number and write the same number.
      return jsonReply({ views: await session.update('views', (views = 0) => views + 1) });
    },

    async set(session, key, body, delay) {
      const value = valueOf(body);
      const wait = delayOf(delay);
      // Read first, as a real handler does; then let other requests write to the same session meanwhile.
      Object.keys(session);
      await pause(wait);
      Object.assign(session, { [key]: value });
      return jsonReply({ value });
    },

    get(session, key) {
      // Only data: a control such as `update` is a property of the session too.
      const value: unknown = Object.keys(session).includes(key) ? Reflect.get(session, key) : null;
      return jsonReply({ value });
    },

    async list(session) {
      const own = session.owner === undefined ? [] : await sessions.list(session.owner);
      return jsonReply(
        own.map(({ handle, label, createdAt, touchedAt }) => ({
          handle,
          device: label,
          createdAt,
          touchedAt,
          current: handle === session.handle,
        })),
      );
    },

    async revoke(session, handle) {
      const { owner } = session;
      if (owner !== undefined && handle === session.handle) await session.destroy();
      // With the owner: a handle comes from the request, and must not end somebody else's session.
      else if (owner === undefined || !(await sessions.revoke(handle, { owner })))
        throw new Problem('NOT_FOUND', 'You have no such session. It may have ended already.');
      return jsonReply({ revoked: handle });
    },

    async health() {
      await isHealthy();
      return jsonReply({ ok: true, store });
    },
  };
}
