import { Visitor, serve } from '@sess/adapter-tests';
import express, { type Express, type Request } from 'express';
import { expect, it } from 'vitest';

import { MemoryStore } from '../src/commonjs/memory-store.ts';
import { session } from '../src/commonjs/middleware.ts';
import { secret } from './kit.ts';
import { type MakeSession, original } from './others.ts';

/** What a visitor of an app was told, one line a step. */
export type Told = (string | number | null)[][];

/** What a flow is told in. */
export interface FlowApp {
  /** Every request of it has a session. */
  readonly app: Express;
  readonly visitor: Visitor;
  readonly url: string;
  /** A store of the library whose sessions these are. */
  readonly newStore: () => object;
}

export interface Flow {
  /** What the last step says in its text. */
  readonly ends: string;
  tell(of: FlowApp): Promise<Told>;
}

/** What is random in an address is not compared. */
const known = (text: string): string =>
  text.replace(/(state|nonce|code_challenge)=[^&\s]*/g, '$1').replace(/127\.0\.0\.1(:|%3A)\d+/g, 'host');

/** What an answer says. A logout clears the cookie here, so the cookies are not compared. */
export const line = async (answer: Response): Promise<Told[number]> => {
  const location = answer.headers.get('location');
  return [answer.status, location === null ? null : known(location), known(await answer.text())];
};

export const set = (req: Request, values: object): void => void Object.assign(req.session, values);
export const got = (req: Request, name: string): unknown => Reflect.get(req.session, name);

export const quiet: MakeSession = (options) => session({ ...options, logger: false });

async function toldBy(make: MakeSession, store: MemoryStore | undefined, flow: Flow): Promise<Told> {
  const app = express();
  app.set('env', 'test');
  const more = { resave: false, saveUninitialized: false, ...(store && { store }) };
  app.use(make({ secret, ...more }));
  const { url } = await serve(app);
  const newStore = make === original ? () => new original.MemoryStore() : () => new MemoryStore();
  return flow.tell({ app, visitor: new Visitor(url), url, newStore });
}

/** Each flow is told with express-session, and with the drop-in over both kinds of stores: all are told the same. */
export function goOnAsBefore(flows: Readonly<Record<string, Flow>>): void {
  it.each(Object.entries(flows))('%s goes on as with express-session', { timeout: 60_000 }, async (_name, flow) => {
    const theirs = await toldBy(original, undefined, flow);
    expect(String(theirs.at(-1))).toContain(flow.ends);
    expect(await toldBy(quiet, undefined, flow)).toEqual(theirs);
    expect(await toldBy(quiet, new MemoryStore(), flow)).toEqual(theirs);
  });
}
