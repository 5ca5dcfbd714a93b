import type { Session } from '@sess/core';
import type { Demo, Reply } from '@sess/demo-kit';
import { demoParts } from './demo.ts';
import { withSession } from './session.ts';

export type Route<Params> = (request: Request, context: { params: Promise<Params> }) => Promise<Response>;

/** A Route Handler of the demo: what it does with the session is in the demo kit (`demo.ts`). */
export function route<Params>(
  answer: (session: Session, demo: Demo, request: Request, params: Params) => Reply | Promise<Reply>,
): Route<Params> {
  return withSession(async (session, request: Request, context: { params: Promise<Params> }) => {
    const { demo, kit } = demoParts();
    try {
      return toResponse(await answer(session, demo, request, await context.params));
    } catch (error) {
      return toResponse(kit.problemReply(error, request.headers.get('accept') ?? undefined));
    }
  });
}

export function toResponse({ status, headers, body }: Reply): Response {
  return new Response(typeof body === 'string' ? body : new Uint8Array(body), { status, headers });
}
