import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { type TestStore, Visitor, takeDown } from '@sess/adapter-tests';
import type { Sessions } from '@sess/core';
import Koa from 'koa';
import Koa2 from 'koa2';
import websockify from 'koa-websocket';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';

import { testSessions, versions } from '../test/kit.ts';
import { session } from './index.ts';

describe.each(versions(Koa, Koa2))('koa-websocket on %s, whose contexts have no response', (_version, Koa) => {
  let store: TestStore;
  let sessions: Sessions;
  let app: ReturnType<typeof websockify>;
  let visitor: Visitor;
  /** What ended the handling of a socket. Koa's own handler of errors never hears of it. */
  let failed: unknown[];
  const ends: (() => unknown)[] = [];

  beforeEach(async () => {
    ({ store, sessions } = await testSessions());
    failed = [];
    app = websockify(new Koa());
    app.silent = true;
    app.use(session(sessions));
    app.use(async (ctx) => {
      if (ctx.path === '/login') {
        await ctx.session.regenerate({ owner: 'ann' });
        ctx.session.theme = 'dark';
      }
      ctx.body = ctx.session.toJSON();
    });
    app.ws.use((ctx, next) =>
      next().catch((error: unknown) => {
        failed.push(Reflect.get(Object(error), 'code'));
        ctx.websocket.close(1011);
      }),
    );
    app.ws.use(session(sessions));
    app.ws.use((ctx) => {
      ctx.websocket.on('message', (data: Buffer) => {
        const answer = (said: unknown): void => ctx.websocket.send(String(said));
        const act = async (): Promise<void> => {
          if (data.toString() === 'reload') await ctx.session.reload();
          else if (data.toString() !== 'look') {
            ctx.session.theme = data.toString();
            await ctx.session.save();
          }
          answer(ctx.session.theme ?? 'nobody');
        };
        void act().catch((error: unknown) => answer(Reflect.get(Object(error), 'code')));
      });
      ctx.websocket.send(ctx.session.theme ?? 'nobody');
    });
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ends.push(
      () => server.closeAllConnections(),
      () => server.close(),
    );
    visitor = new Visitor(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterEach(() => ends.splice(0).forEach((end) => end()));

  /** Opens a socket. Each answer is one message, or the code with which the socket was closed. */
  async function open(): Promise<{ greeting: string; say(message: string): Promise<string> }> {
    const socket = new WebSocket(visitor.url.replace('http', 'ws'), { headers: { cookie: visitor.cookieHeader } });
    ends.unshift(() => socket.terminate());
    const hear = async (): Promise<string> =>
      String((await Promise.race([once(socket, 'message'), once(socket, 'close')]))[0]);
    return {
      greeting: await hear(),
      say(message) {
        socket.send(message);
        return hear();
      },
    };
  }

  it('knows who is logged in, and an explicit save() stores what a socket changes', async () => {
    await visitor.get('/login');
    const { greeting, say } = await open();
    expect([greeting, await say('light'), await say('reload')]).toEqual(['dark', 'light', 'light']);
    expect(await visitor.json('/')).toEqual({ theme: 'light' });
  });

  it('a stranger is nobody, and is told that a new session needs a cookie', async () => {
    const { greeting, say } = await open();
    expect([greeting, await say('light')]).toEqual(['nobody', 'HEADERS_SENT']);
    expect(await store.size()).toBe(0);
  });

  it('after a logout elsewhere reload() and save() reject', async () => {
    await visitor.get('/login');
    const { say } = await open();
    await sessions.revokeAll('ann');
    expect([await say('reload'), await say('light')]).toEqual(['SESSION_GONE', 'SESSION_GONE']);
    expect(await store.size()).toBe(0);
  });

  it('a store that is down is told at the first look, and ends no process', async () => {
    await visitor.get('/login');
    takeDown(store);
    expect((await open()).greeting).toBe('1011');
    expect(failed).toEqual(['STORE_UNAVAILABLE']);
    visitor.cookies.clear();
    expect((await open()).greeting).toBe('nobody');
  });
});
