import { EventEmitter } from 'node:events';
import type { RequestListener } from 'node:http';

import { configure } from '@codegenie/serverless-express';
import { inject } from 'light-my-request';
import { createMocks } from 'node-mocks-http';
import serverlessHttp from 'serverless-http';
import supertest from 'supertest';

/** What an app answered, by whichever way it was asked. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  /** `name=value` of the one cookie that was set. */
  readonly cookie: string | undefined;
}

/** An app of Express or Koa, and the listener that it is for node:http. */
export interface CalledApp {
  readonly app: object;
  readonly listener: RequestListener;
}

export type Ask = (path: string, cookie?: string, method?: 'GET' | 'HEAD') => Promise<Answer>;

export type Callers = Readonly<Record<string, (called: CalledApp) => Ask>>;

/** What calls an app with requests and responses of its own making, as its users do. */
export const callers: Callers = {
  'serverless-http': ({ app }) => {
    const handler = serverlessHttp(app);
    return async (path, cookie, method = 'GET') => gatewayAnswer(await handler(gatewayEvent(path, cookie, method), {}));
  },

  '@codegenie/serverless-express': ({ app }) => {
    // It takes an app of Koa too, which its types do not know.
    const handler: unknown = Reflect.apply(configure, undefined, [{ app }]);
    if (typeof handler !== 'function') throw new TypeError('It makes a function of an app.');
    return async (path, cookie, method = 'GET') => {
      const event = gatewayEvent(path, cookie, method);
      return gatewayAnswer(await Reflect.apply(handler, undefined, [event, {}]));
    };
  },

  supertest: ({ listener }) => {
    return async (path, cookie, method = 'GET') => {
      const test = supertest(listener)[method === 'HEAD' ? 'head' : 'get'](path);
      const answer = await test.set(headersOf(cookie)).redirects(0).buffer(true);
      return answerOf(answer.status, answer.headers, answer.text ?? '');
    };
  },

  'node-mocks-http': ({ listener }) => {
    return async (path, cookie, method = 'GET') => {
      const { req, res } = createMocks(
        { method, url: path, headers: headersOf(cookie) },
        { eventEmitter: EventEmitter },
      );
      const ended = new Promise<void>((resolve) => void res.once('end', resolve));
      listener(req, res);
      await ended;
      const body = res._getBuffer().length > 0 ? res._getBuffer().toString() : String(res._getData());
      // It keeps where its own `redirect()` led to itself, also when another answer took that one's place.
      const location = res.statusCode === 302 ? { location: res._getRedirectUrl() } : {};
      return answerOf(res.statusCode, { ...location, ...res.getHeaders() }, body);
    };
  },
};

/** Apart from the others: it puts its own response below Express's for good, and no other can call an app after it. */
export const inProcess: Callers = {
  'light-my-request': ({ listener }) => {
    return async (path, cookie, method = 'GET') => {
      const answer = await inject(listener, { method, url: path, headers: headersOf(cookie) });
      return answerOf(answer.statusCode, answer.headers, answer.body);
    };
  },
};

function headersOf(cookie: string | undefined): Record<string, string> {
  return cookie === undefined ? {} : { cookie };
}

/** An event of API Gateway's first version. */
function gatewayEvent(path: string, cookie: string | undefined, httpMethod: string): object {
  const multiValueHeaders = cookie === undefined ? {} : { cookie: [cookie] };
  const request = { httpMethod, path, headers: headersOf(cookie), multiValueHeaders, queryStringParameters: null };
  return { ...request, resource: '/{proxy+}', body: null, isBase64Encoded: false, requestContext: { stage: 'test' } };
}

interface GatewayAnswer {
  statusCode: number;
  body: string;
  headers?: Record<string, string>;
  multiValueHeaders?: Record<string, string[]>;
}

function gatewayAnswer(answer: unknown): Answer {
  const { statusCode, body, headers, multiValueHeaders } = answer as GatewayAnswer;
  return answerOf(statusCode, { ...headers, ...multiValueHeaders }, body);
}

function answerOf(status: number, headers: object, body: string): Answer {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers)) plain[name.toLowerCase()] = value;
  const [line] = [plain['set-cookie'] ?? []].flat();
  return { status, headers: plain, body, cookie: typeof line === 'string' ? line.split(';')[0] : undefined };
}
