import { Visitor, stopServers } from '@sess/adapter-tests';
import express, { type ErrorRequestHandler, type Express, type Request } from 'express';
import { createSchema, createYoga } from 'graphql-yoga';
import { afterEach } from 'vitest';

import { type Flow, type Told, goOnAsBefore, line, set } from '../test/flow.ts';
import { secret } from '../test/kit.ts';
import { csrfSync, csurf, doubleCsrf, expressFlash, flash, lusca, rateLimit } from '../test/others.ts';

afterEach(stopServers);

const form = express.urlencoded({ extended: false });

/** A page that shows nothing but the messages. */
class MessagesView {
  readonly path = 'page';
  render({ messages }: { messages?: object }, callback: (error: unknown, text: string) => void): void {
    callback(null, JSON.stringify(messages));
  }
}

const calling = (call: (done: (error?: unknown) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    call((error) => (error ? reject(error) : resolve()));
  });

const accountSchema = createSchema<{ req: Request }>({
  typeDefs: `
    type Account { user: String }
    type Query { user: String, views: Int }
    type Mutation { login(user: String): Account, view: Int, logout: Boolean }
  `,
  resolvers: {
    Query: {
      user: (_root, _args, { req }) => Reflect.get(req.session, 'user') ?? null,
      views: (_root, _args, { req }) => Reflect.get(req.session, 'views') ?? 0,
    },
    Mutation: {
      async login(_root, { user }: { user: string }, { req }) {
        await calling((done) => req.session.regenerate(done));
        set(req, { user });
        await calling((done) => req.session.save(done));
        return { user };
      },
      view(_root, _args, { req }) {
        const views = Number(Reflect.get(req.session, 'views') ?? 0) + 1;
        set(req, { views });
        return views;
      },
      async logout(_root, _args, { req }) {
        await calling((done) => req.session.destroy(done));
        return true;
      },
    },
  },
});

const flows: Record<string, Flow> = {
  'connect-flash': {
    ends: '[]',
    async tell({ app, visitor }) {
      app.use(flash());
      app.get('/save', (req, res) => {
        Reflect.apply(Reflect.get(req, 'flash'), req, ['info', ['saved', 'twice']]);
        res.redirect('/page');
      });
      app.get('/page', (req, res) => void res.json(Reflect.apply(Reflect.get(req, 'flash'), req, ['info'])));
      const told = [];
      for (const path of ['/page', '/save', '/page', '/page']) told.push(await line(await visitor.get(path)));
      return told;
    },
  },
  'express-flash': {
    ends: '{}',
    async tell({ app, visitor }) {
      app.use(expressFlash());
      app.set('view', MessagesView);
      app.get('/save', (req, res) => {
        Reflect.apply(Reflect.get(req, 'flash'), req, ['info', 'saved']);
        res.redirect('/page');
      });
      app.get('/page', (_req, res) => res.render('page'));
      const told = [];
      for (const path of ['/page', '/save', '/save', '/page', '/page']) told.push(await line(await visitor.get(path)));
      return told;
    },
  },
  csurf: {
    ends: 'changed',
    async tell({ app, visitor }) {
      app.use(form, csurf());
      app.get('/token', (req, res) => void res.send(Reflect.apply(Reflect.get(req, 'csrfToken'), req, [])));
      return withToken(app, visitor, '_csrf');
    },
  },
  'csrf-sync': {
    ends: 'changed',
    async tell({ app, visitor }) {
      const { generateToken, csrfSynchronisedProtection } = csrfSync();
      app.get('/token', (req, res) => void res.send(generateToken(req)));
      app.use(form, csrfSynchronisedProtection);
      return withToken(app, visitor, 'x-csrf-token');
    },
  },
  'csrf-csrf, by the id of the session': {
    ends: 'changed',
    async tell({ app, visitor }) {
      const { generateCsrfToken, doubleCsrfProtection } = doubleCsrf({
        getSecret: () => secret,
        getSessionIdentifier: (req: Request) => req.session.id,
        cookieName: 'csrf',
        cookieOptions: { secure: false },
      });
      app.use((req, _res, next) => {
        // As cookie-parser has it.
        const pairs = (req.headers.cookie ?? '').split('; ').map((pair) => pair.split('='));
        Object.assign(req, {
          cookies: Object.fromEntries(pairs.map(([name, value = '']) => [name, decodeURIComponent(value)])),
        });
        next();
      });
      app.get('/token', (req, res) => {
        set(req, { isThere: true });
        res.send(generateCsrfToken(req, res));
      });
      app.use(form, doubleCsrfProtection);
      return withToken(app, visitor, 'x-csrf-token');
    },
  },
  lusca: {
    ends: 'changed',
    async tell({ app, visitor }) {
      app.use(form, lusca({ csrf: true, xframe: 'DENY' }));
      app.get('/token', (_req, res) => void res.send(Reflect.get(res.locals, '_csrf')));
      return withToken(app, visitor, '_csrf');
    },
  },
  'express-rate-limit, by session': {
    ends: 'Too many',
    async tell({ app, visitor }) {
      app.get('/begin', (req, res) => {
        set(req, { isThere: true });
        res.end();
      });
      app.use(rateLimit({ windowMs: 60_000, limit: 2, keyGenerator: (req: Request) => req.session.id }));
      app.get('/', (_req, res) => void res.send('in'));
      const told = [await line(await visitor.get('/begin'))];
      const other = new Visitor(visitor.url);
      await other.get('/begin');
      for (const who of [visitor, visitor, other, visitor]) told.push(await line(await who.get('/')));
      return told;
    },
  },
  'graphql-yoga': {
    ends: '{"data":{"views":2}}',
    async tell({ app, visitor }) {
      const yoga = createYoga<{ req: Request }>({ schema: accountSchema, logging: false, landingPage: false });
      app.use(yoga.graphqlEndpoint, async (req, res) => yoga(req, res));
      const ask = async (who: Visitor, query: string): Promise<Told[number]> =>
        line(await who.postJson('/graphql', { query }));
      const told = [await ask(visitor, '{ user }')];
      told.push(await ask(visitor, 'mutation { login(user: "ann") { user } }'));
      const copy = visitor.copy();
      told.push(await ask(visitor, '{ user }'), await ask(visitor, 'mutation { view view2: view }'));
      told.push(await ask(visitor, '{ user views }'));
      told.push(await ask(visitor, 'mutation { logout }'));
      for (const who of [visitor, copy]) told.push(await ask(who, '{ user }'));
      told.push(await ask(visitor, 'mutation { view view2: view }'), await ask(visitor, '{ views }'));
      return told;
    },
  },
};

/** Whoever has the token may change something, others may not. */
async function withToken(app: Express, visitor: Visitor, name: string): Promise<Told> {
  app.post('/change', (_req, res) => void res.send('changed'));
  app.use(((_error, _req, res, _next) => void res.status(403).send('refused')) as ErrorRequestHandler);
  const token = await visitor.text('/token');
  const change = (who: Visitor, value: string) =>
    name.startsWith('x-')
      ? who.request('/change', { method: 'POST', headers: { [name]: value } })
      : who.post('/change', { [name]: value });
  const told = [];
  told.push(await line(await change(visitor, 'guessed')));
  told.push(await line(await change(new Visitor(visitor.url), token)));
  told.push(await line(await change(visitor, token)));
  return told;
}

goOnAsBefore(flows);
