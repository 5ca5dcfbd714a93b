import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

import { Visitor, serve, stopServers } from '@sess/adapter-tests';
import { type Sessions, createSessions, memoryStore } from '@sess/core';
import express from 'express';
import express4 from 'express4';
import { afterEach, describe, expect, it } from 'vitest';

import { secret, versions } from '../test/kit.ts';
import { session } from './index.ts';

afterEach(stopServers);

declare global {
  namespace Express {
    interface Request {
      adminSession: Express.Request['session'];
    }
  }
}

const made = (name?: string): Sessions =>
  createSessions({ store: memoryStore(), secret, logger: false, ...(name === undefined ? {} : { cookie: { name } }) });

/** What came of a request whose middleware fails. */
async function errorOf(app: ReturnType<typeof express>, path = '/'): Promise<string> {
  const failed: express.ErrorRequestHandler = (error: Error, _req, res, _next) =>
    void res.status(500).send(error.message);
  app.get(path, (_req, res) => void res.send('no error'));
  app.use(failed);
  return new Visitor((await serve(app)).url).text(path);
}

describe.each(versions(express, express4))('two kinds of sessions on %s', (_version, express) => {
  const users = made();
  const admins = made('admin');
  const kinds = [session(users), session(admins, { property: 'adminSession' })] as const;

  it.each([
    ['users first', kinds],
    ['admins first', kinds.toReversed()],
  ])('live on one request, each with its own cookie (%s)', async (_order, [first, second]) => {
    const app = express();
    app.use(first!);
    const inner = express();
    inner.use(second!);
    inner.get('/log-in', async (req, res) => {
      await req.session.regenerate({ owner: 'ada' });
      await req.adminSession.regenerate({ owner: 'root' });
      req.session.theme = 'dark';
      res.send('in');
    });
    inner.get('/show', (req, res) => {
      res.json([
        req.session.owner,
        req.session.theme,
        req.adminSession.owner,
        req.adminSession.theme,
        req.sessionID === req.session.handle,
      ]);
    });
    inner.get('/log-out', async (req, res) => {
      await req.adminSession.destroy();
      res.redirect('/in/show');
    });
    app.use('/in', inner);
    const visitor = new Visitor((await serve(app)).url);
    const answer = await visitor.get('/in/log-in');
    expect(new Set(answer.headers.getSetCookie().map((line) => line.split('=')[0]))).toEqual(new Set(['admin', 'sid']));
    expect(await visitor.json('/in/show')).toEqual(['ada', 'dark', 'root', null, true]);
    await visitor.get('/in/log-out');
    expect(await visitor.json('/in/show')).toEqual(['ada', 'dark', null, null, true]);
  });

  it('on one property are an error that says how', async () => {
    const app = express();
    app.use(session(users));
    app.use('/admin', session(admins));
    expect(await errorOf(app, '/admin')).toContain("{ property: 'adminSession' }");
  });

  it('with one cookie are an error that says how', async () => {
    const app = express();
    app.use(session(users), session(made(), { property: 'adminSession' }));
    expect(await errorOf(app)).toContain('createSessions({ cookie: { name');
  });

  it('that are one kind under two names are an error', async () => {
    const app = express();
    app.use(session(users), session(users, { property: 'adminSession' }));
    expect(await errorOf(app)).toContain('These sessions are req.session already');
  });

  it('that are the same are one, and so is what somebody else has put there', async () => {
    const app = express();
    app.use(session(users), session(users));
    expect(await errorOf(app)).toBe('no error');
    const stubbed = express();
    stubbed.use((req, _res, next) => {
      Object.assign(req, { session: { user: 'stub' }, adminSession: { user: 'root' } });
      next();
    });
    stubbed.use(...kinds);
    stubbed.get('/who', (req, res) => void res.json([req.session, req.adminSession]));
    expect(await new Visitor((await serve(stubbed)).url).json('/who')).toEqual([{ user: 'stub' }, { user: 'root' }]);
  });

  it('cannot be under a name of the framework, nor under one that is none', async () => {
    const app = express();
    app.use(session(users, { property: 'protocol' }));
    expect(await errorOf(app)).toContain('Choose another name');
    expect(() => session(users, { property: '__proto__' })).toThrow('Option property');
    const misspelt: object = { propertie: 'x' };
    expect(() => session(users, misspelt)).toThrow('"propertie"');
  });
});

it('a middleware that refuses a request tells its caller, who may catch nothing', () => {
  const request = new IncomingMessage(new Socket());
  let told: unknown;
  session(made(), { property: 'pipe' })(request, new ServerResponse(request), (error) => (told = error));
  expect(told).toMatchObject({ code: 'CONFIG_INVALID' });
});
