import { isSessError } from '@sess/core';
import { problemPage } from './problem-page.ts';
import { type Reply, jsonReply, pageReply } from './reply.ts';

const statusOf = {
  BAD_JSON: 400,
  BAD_REQUEST: 400,
  BODY_TOO_LARGE: 413,
  DELAY_INVALID: 400,
  INTERNAL: 500,
  NOT_FOUND: 404,
  USER_INVALID: 400,
  VALUE_MISSING: 400,
  WORKER_INVALID: 400,
} as const;

/** What the demo itself may answer besides the codes of the library. */
export type ProblemCode = keyof typeof statusOf;

/** A request that the demo cannot carry out, with the sentence that the person reads. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly status: number;

  constructor(code: ProblemCode, message: string) {
    super(message);
    this.code = code;
    this.status = statusOf[code];
  }
}

interface Explanation {
  readonly code: string;
  readonly status: number;
  readonly error: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The body parsers of the frameworks throw errors of their own. They agree on a status and on little else. */
function statusFrom(error: unknown): number | undefined {
  const found: unknown = Reflect.get(Object(error), 'status') ?? Reflect.get(Object(error), 'statusCode');
  return typeof found === 'number' ? found : undefined;
}

/** Fastify's is not a `SyntaxError`. */
function isBadJson(error: unknown): boolean {
  return error instanceof SyntaxError || Reflect.get(Object(error), 'code') === 'FST_ERR_CTP_INVALID_JSON_BODY';
}

function explain(error: unknown): Explanation {
  if (isSessError(error)) {
    const explanation = { code: error.code, status: error.status, error: error.message };
    return error.headers === undefined ? explanation : { ...explanation, headers: error.headers };
  }
  if (error instanceof Problem) return { code: error.code, status: error.status, error: error.message };

  const status = statusFrom(error);
  if (status === 413) return { code: 'BODY_TOO_LARGE', status, error: 'The request is larger than this demo takes.' };
  if (status !== undefined && isBadJson(error)) {
    return { code: 'BAD_JSON', status: 400, error: 'The body of the request could not be read: send valid JSON.' };
  }
  if (status !== undefined && status >= 400 && status < 500) {
    return { code: 'BAD_REQUEST', status, error: 'The request could not be understood.' };
  }
  return { code: 'INTERNAL', status: 500, error: 'Something broke on our side. The log of the server says what.' };
}

/** Errors as JSON for programs, as a page for a browser that followed a link or sent a form. */
export function problemReply(error: unknown, accept: string | undefined): Reply {
  const { code, status, error: sentence, headers } = explain(error);
  if (code === 'INTERNAL') console.error(error);
  if (accept?.includes('text/html') === true) return pageReply(problemPage(status, code, sentence), status, headers);
  return jsonReply({ code, error: sentence }, status, headers);
}

export function notFound(): Problem {
  return new Problem('NOT_FOUND', 'There is nothing at this address.');
}
