import type { ServerResponse } from 'node:http';

import { type BareAnswer, sendBareAnswer } from './bare-answer.ts';
import { breakOff, destroyResponse } from './break-off.ts';
import { isGone } from './node-response.ts';
import type { ResponseOutlet } from './response-outlet.ts';
import type { ResponseWork } from './response-work.ts';

/** Answers in the app's place, as far as there is somebody to answer; what has left of the app's answer is broken off. */
export function answerInstead(
  response: ServerResponse,
  outlet: ResponseOutlet,
  work: ResponseWork,
  error: unknown,
  answer: BareAnswer,
): void {
  const said = { ...answer, setCookie: work.failureCookie?.(), explanation: work.explain?.(error) };
  try {
    if (!isGone(response) && outlet.headHasLeft) breakOff(response, error);
    else if (!isGone(response)) sendBareAnswer(response, outlet, said);
  } catch {
    // Somebody else's wrapper around the response failed. No answer can be given any more.
    destroyResponse(response, error);
  }
}
