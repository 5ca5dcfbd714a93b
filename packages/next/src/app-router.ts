import { AsyncLocalStorage } from 'node:async_hooks';

import {
  type Session,
  SessError,
  type Sessions,
  currentSession,
  failureResponse,
  isSessError,
  withSessionHeaders,
} from '@sess/core';
import { headers } from 'next/headers.js';
import { cache } from 'react';

import { cookieHeaderNow, sendCookie } from './action-cookies.ts';
import { answerOf, isControlFlow } from './control-flow.ts';
import { withDigest } from './digest.ts';
import { type ReadonlySession, readonlySession } from './readonly-session.ts';
import { type NextSessionsOptions, lazySessions } from './shared-sessions.ts';

/** A function of the request's session, and of the arguments that Next.js passes. */
export type SessionFunction<Args extends unknown[], Result> = (
  session: Session,
  ...args: Args
) => Result | Promise<Result>;

/** The helpers of an app with App Router. */
export interface NextSessions {
  /**
   * The session of the request, to read in Server Components: the same one in all components of a render, loaded once.
   * @throws SessError the fault of the store, so that nobody is shown a logged-out page; `UNSUPPORTED` on a page that is
   * forced to be static
   */
  readSession(): Promise<ReadonlySession>;

  /**
   * Makes a Route Handler or a Server Action of a function of the session. What it changes is stored before the answer
   * leaves, also when it ends with `redirect()` or `notFound()`; when it throws something else, nothing is stored that
   * was not saved explicitly, and what was gets its cookie.
   *
   * While a Server Component renders it throws `SESSION_READ_ONLY`, before it calls the function: read with `readSession()`.
   *
   * A Route Handler answers 503 when the store fails. A Server Action throws, which Next.js answers with 500.
   */
  withSession<Args extends unknown[], Result>(
    fn: SessionFunction<Args, Result>,
  ): (...args: Args) => Promise<Awaited<Result>>;

  /** For listing and revoking sessions; `sessions.ready()` tries the storage. */
  readonly sessions: Sessions;
}

/** A request's session while `withSession` is at work. */
interface Running {
  readonly session: Session;
  isOver: boolean;
}

/**
 * Makes the helpers of an app. Nothing is read, checked or connected before the first request.
 *
 * @param options what `createSessions` takes, what it made, or a function that returns either. Without any, everything
 * comes from the environment.
 */
export function createNextSessions(options: NextSessionsOptions = {}): NextSessions {
  const sessions = lazySessions(options);
  const running = new AsyncLocalStorage<Running>();

  /** Loaded once for a render. Only this part may be memoised: `cookieHeader` has to ask Next.js at each call. */
  const load = cache(async (header: string | undefined): Promise<ReadonlySession> => {
    try {
      const session = await sessions.open(await cookieHeaderNow(header, sessions.cookieName));
      const view = readonlySession(session);
      // Nothing has changed, but a touch may be due: a visitor who only looks at pages is not idle.
      await sessions.commit(session);
      return view;
    } catch (error) {
      throw withDigest(error);
    }
  });

  async function readSession(): Promise<ReadonlySession> {
    const header = await cookieHeader('readSession()');
    const outer = outerSession();
    return outer === undefined ? load(header) : readonlySession(outer);
  }

  /** The session of the `withSession` that is at work around the caller. Ask `cookieHeader` before this. */
  function outerSession(): Session | undefined {
    const outer = running.getStore();
    return outer === undefined || outer.isOver ? undefined : currentSession(outer.session);
  }

  /** The first call makes the sessions, so a wrong configuration throws here too. */
  async function open(header: string | undefined): Promise<Session> {
    try {
      return await sessions.open(header);
    } catch (error) {
      throw withDigest(error);
    }
  }

  async function run(session: Session, fn: () => unknown): Promise<unknown> {
    const now: Running = { session, isOver: false };
    try {
      return await running.run(now, fn);
    } finally {
      now.isOver = true;
    }
  }

  async function commitAction(session: Session): Promise<void> {
    const { setCookie, alsoClear = [] } = await sessions.commit(session);
    if (setCookie === undefined) return;
    for (const line of [...alsoClear, setCookie]) await sendCookie(line);
  }

  /** Runs a Server Action. */
  async function act(session: Session, fn: () => unknown): Promise<unknown> {
    try {
      const result = await run(session, fn).catch(async (error: unknown) => {
        if (isControlFlow(error)) await commitAction(session);
        throw error;
      });
      await commitAction(session);
      return result;
    } catch (error) {
      if (!isControlFlow(error)) for (const line of storedCookies(error, session)) await sendCookie(line);
      throw withDigest(error);
    }
  }

  /** Runs a Route Handler. */
  async function answer(session: Session, fn: () => unknown): Promise<unknown> {
    try {
      const given = await run(session, fn).catch(answerTo);
      if (!(given instanceof Response)) return given; // which Next.js complains about
      return withSessionHeaders(given, await sessions.commit(session, given.status));
    } catch (error) {
      if (isSessError(error) && error.status !== 500) return failureResponse(error, session);
      const cookies = storedCookies(error, session);
      // What the app has to mend is for its log, and for the overlay of `next dev`.
      if (cookies.length === 0) throw error;
      // Next.js sends no cookie with its own 500.
      console.error(error);
      const uncached: [string, string] = ['Cache-Control', 'private, no-store'];
      return new Response(null, {
        status: 500,
        headers: [uncached, ...cookies.map((line): [string, string] => ['Set-Cookie', line])],
      });
    }
  }

  function withSession<Args extends unknown[], Result>(
    fn: SessionFunction<Args, Result>,
  ): (...args: Args) => Promise<Awaited<Result>>;
  function withSession(fn: SessionFunction<unknown[], unknown>): (...args: unknown[]) => Promise<unknown> {
    return async (...args) => {
      const header = await cookieHeader('withSession()');
      if (isRendering()) throw withDigest(new SessError('SESSION_READ_ONLY', duringRender));
      const outer = outerSession();
      if (outer !== undefined) return fn(outer, ...args);
      const session = await open(header);
      const call = (): unknown => fn(session, ...args);
      return args[0] instanceof Request ? answer(session, call) : act(session, call);
    };
  }

  return { readSession, withSession, sessions };
}

/** React's `cache` keeps the value for one render. Outside of a render it makes it anew at each call. */
const renderMark = cache(() => ({}));

/** Whether a Server Component is rendered just now: Next.js takes no cookie there. */
function isRendering(): boolean {
  return renderMark() === renderMark();
}

const duringRender =
  'withSession() was called while a Server Component renders. Next.js sends no cookie from there, so nobody would have ' +
  'the session that it stores. Read with readSession(), and write in a Server Action or a Route Handler.';

/**
 * The request's `Cookie` header. `headers()` is also where Next.js refuses: inside `unstable_cache()` and `'use cache'`,
 * whose result would be everybody's, in `generateStaticParams()`, and while it renders static pages. So this comes first
 * in each call, before anything that this request has already loaded.
 * @throws the error of Next.js where it refuses
 * @throws SessError `UNSUPPORTED` where there is no request: Next.js gives a page that is forced to be static no headers
 */
async function cookieHeader(reader: string): Promise<string | undefined> {
  const said = await headers();
  if (said.keys().next().done === true)
    throw new SessError(
      'UNSUPPORTED',
      `${reader} was called on a route that is forced to be static, where all visitors would share one answer. Take out dynamic = 'force-static', or the session.`,
    );
  return said.get('cookie') ?? undefined;
}

/** What the browser must know of a session that was stored, or destroyed, before the function failed. */
function storedCookies(error: unknown, session: Session): string[] {
  return failureResponse(error, session).headers.getSetCookie();
}

/** The answer that a handler has thrown. */
function answerTo(error: unknown): Response {
  const answer = answerOf(error);
  if (answer === undefined) throw error;
  return answer;
}
