import { once } from 'node:events';
import { createServer } from 'node:http';

import { describe, expect, it, onTestFinished } from 'vitest';

import { SessError } from './errors.ts';
import { onSessionEvent } from './events.ts';
import { faultLog } from './fault-log.ts';
import type { Logger } from './logger.ts';
import { memoryStore } from './storage/memory-store.ts';
import { createSessions } from './sessions.ts';

function collect(): { lines: string[]; logger: Logger } {
  const lines: string[] = [];
  return { lines, logger: { info() {}, warn() {}, error: (line) => lines.push(line) } };
}

describe('the log of faults', () => {
  it('has one line for a store that fails every request, and one for each mistake of the app', () => {
    const { lines, logger } = collect();
    const log = faultLog(logger);
    for (let count = 0; count < 3; count += 1) {
      log(new SessError('STORE_UNAVAILABLE', 'Redis is away.'));
      log(new SessError('NOT_SERIALIZABLE', 'session.day is a Date.'));
    }
    expect(lines.filter((line) => line === 'Session error STORE_UNAVAILABLE: Redis is away.')).toHaveLength(1);
    expect(lines.filter((line) => line === 'Session error NOT_SERIALIZABLE: session.day is a Date.')).toHaveLength(3);
  });

  /** An app that keeps what cannot be stored. Its visitor has been answered when this resolves. */
  async function storeDate(
    logger: Logger,
    onFailure?: (error: Error) => void,
    { accept = '*/*', env = {} }: { accept?: string; env?: Record<string, string> } = {},
  ): Promise<Response> {
    const secret = 'a secret that is long enough, 32+';
    const sessions = createSessions({ store: memoryStore(), secret, logger, env });
    const server = createServer((request, response) => {
      const serve = async (): Promise<void> => {
        const exchange = await sessions.attach(request, response, onFailure && { onFailure });
        Object.assign(exchange.session, { day: new Date(0) });
        response.end('ok');
      };
      void serve();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    return fetch(`http://127.0.0.1:${port}/cart/7?token=abc`, { method: 'PUT', headers: { accept } });
  }

  it('names the key of a value that could not be stored, when the app had given its answer', async () => {
    const { lines, logger } = collect();
    const failed: string[] = [];
    onTestFinished(onSessionEvent('commitFailed', ({ code }) => failed.push(code)));
    expect((await storeDate(logger)).status).toBe(500);
    expect(lines).toEqual([
      expect.stringMatching(/^Session error NOT_SERIALIZABLE: session\.day is a Date.* \(PUT \/cart\/7\)$/),
    ]);
    expect(failed).toEqual(['NOT_SERIALIZABLE']);
  });

  it('does not change the answer where the logger throws', async () => {
    const throws = (): never => {
      throw new TypeError('The log is full.');
    };
    expect((await storeDate({ info() {}, warn() {}, error: throws })).status).toBe(500);
  });

  it('says it to the developer, as a text in a browser, and in production to nobody', async () => {
    const { logger } = collect();
    const page = await storeDate(logger, undefined, { accept: 'text/html,*/*' });
    expect([page.status, page.headers.get('content-type')]).toEqual([500, 'text/plain; charset=utf-8']);
    expect(await page.text()).toMatch(/^NOT_SERIALIZABLE: session\.day is a Date.*PUT \/cart\/7 was not stored\.\n$/);
    expect(await (await storeDate(logger)).json()).toEqual({
      code: 'NOT_SERIALIZABLE',
      error: expect.stringContaining('session.day is a Date'),
    });
    const env = { NODE_ENV: 'production' };
    const answer = await storeDate(logger, undefined, { accept: 'text/html', env });
    expect(await answer.json()).toEqual({ code: 'NOT_SERIALIZABLE', error: 'The session could not be stored.' });
  });

  it('leaves that error to a listener of the app, where there is one', async () => {
    const { lines, logger } = collect();
    const told: Error[] = [];
    expect((await storeDate(logger, (error) => told.push(error))).status).toBe(500);
    expect(told).toEqual([expect.objectContaining({ code: 'NOT_SERIALIZABLE', status: 500 })]);
    expect(lines).toEqual([]);
  });
});
