import { type Session, createSessions, memoryStore } from '@sess/core';
import { describe, expect, it } from 'vitest';

import { type ReadonlySession, readonlySession } from './readonly-session.ts';

declare module '@sess/core' {
  interface SessionData {
    user?: string;
    cart?: { item: string; tags: string[] }[];
    odd?: Record<string, unknown>;
  }
}

const secret = 'only-for-tests-7f3e9c2a5b8d1046-71c2';
const sessions = createSessions({ store: memoryStore(), secret, logger: false });

async function stored(change: (session: Session) => void): Promise<{ session: Session; view: ReadonlySession }> {
  const begun = await (await sessions.open(undefined)).regenerate({ owner: 'ada' });
  change(begun);
  const { setCookie = '' } = await sessions.commit(begun);
  const session = await sessions.open(setCookie.split(';')[0]);
  return { session, view: readonlySession(session) };
}

const cart = [
  { item: 'tea', tags: ['green', 'loose'] },
  { item: 'pot', tags: [] },
];
const full = (session: Session): void => void Object.assign(session, { user: 'ada', cart });

describe('a session to read', () => {
  it('has the data, and tells of itself', async () => {
    const { session, view } = await stored(full);
    expect([view.user, view.cart?.[0]?.tags[1], view.cart?.length]).toEqual(['ada', 'loose', 2]);
    expect([view.owner, view.handle, view.isNew]).toEqual(['ada', session.handle, false]);
    expect(view.expiresAt).toEqual(session.expiresAt);
    expect(Object.keys(view)).toEqual(['user', 'cart']);
    expect({ ...view }).toEqual({ user: 'ada', cart });
    expect(JSON.parse(JSON.stringify(view))).toEqual({ user: 'ada', cart });
    expect(view.cart?.map(({ item }) => item).toSorted()).toEqual(['pot', 'tea']);
  });

  it('gives the same value each time', async () => {
    const { view } = await stored(full);
    expect(view.cart).toBe(view.cart);
  });

  it('is frozen, and so is all that is in it', async () => {
    const { view } = await stored(full);
    for (const part of [view, view.cart, view.cart?.[0], view.cart?.[0]?.tags])
      expect(Object.isFrozen(part)).toBe(true);
  });

  const mutable = (view: ReadonlySession): Record<string, unknown> & { cart: typeof cart } => Object(view);
  it.each<[string, string, (view: ReturnType<typeof mutable>) => unknown]>([
    ['a key', 'session.user = ...', (view) => (view['user'] = 'mallory')],
    ['a new key', 'session.fresh = ...', (view) => (view['fresh'] = 1)],
    ['many keys', 'session.user = ...', (view) => Object.assign(view, { user: 'mallory' })],
    ['no key any more', 'delete session.user', (view) => delete view['user']],
    ['a defined key', 'session.user = ...', (view) => Object.defineProperty(view, 'user', { value: 1 })],
    ['an item', 'session.cart[2] = ...', (view) => view.cart.push({ item: 'x', tags: [] })],
    ['a part of an item', 'session.cart[0].item = ...', (view) => (view.cart[0]!.item = 'x')],
    ['a deep list in place', 'session.cart[0].tags[0] = ...', (view) => view.cart[0]!.tags.sort().reverse()],
    ['a control', 'session.owner = ...', (view) => (view['owner'] = 'mallory')],
    ['a prototype', 'A prototype for session', (view) => Object.setPrototypeOf(view, null)],
  ])('refuses %s, and says where to write', async (_, what, write) => {
    const { session, view } = await stored(full);
    expect(() => write(mutable(view))).toThrow(
      expect.objectContaining({
        code: 'SESSION_READ_ONLY',
        digest: 'SESSION_READ_ONLY',
        message: expect.stringMatching(/would be lost.*Server Action or a Route Handler.*withSession/),
      }),
    );
    expect(() => write(mutable(view))).toThrow(what);
    expect(session.toJSON()).toEqual({ user: 'ada', cart });
  });

  it.each(['save', 'update', 'regenerate', 'rotate', 'destroy', 'reload', 'touch', 'resetMaxAge'])(
    'refuses %s() of who comes from JavaScript',
    async (name) => {
      const { view } = await stored(full);
      expect(() => Reflect.get(view, name)()).toThrow(`session.${name}() would be lost`);
    },
  );

  it('keeps odd keys as they are', async () => {
    const odd = JSON.parse('{"a b":[[]],"1":{"length":7},"then":null}');
    const { view } = await stored((session) => void (session.odd = odd));
    expect(Object.keys(view.odd ?? {})).toEqual(['1', 'a b', 'then']);
    const [list] = Object.values(view.odd ?? {}).filter((value) => Array.isArray(value));
    expect(() => Reflect.apply(Array.prototype.push, list, [1])).toThrow('session.odd["a b"][1] = ...');
    expect(JSON.stringify(view.odd)).toBe(JSON.stringify(odd));
  });

  it('is not parsed where it is not looked at: a damaged value fails only who looks at it', async () => {
    const now = Date.now();
    const record = {
      fields: { user: '"ada"', cart: '[{"item":' },
      createdAt: now,
      touchedAt: now,
      expiresAt: now + 60_000,
      writeIds: [],
    };
    const damaged = createSessions({
      store: { ...memoryStore(), read: async () => ({ record, version: 1 }) },
      secret,
      logger: false,
    });
    const { setCookie = '' } = await sessions.commit(
      await (await sessions.open(undefined)).regenerate({ owner: 'eve' }),
    );
    const view = readonlySession(await damaged.open(setCookie.split(';')[0]));
    expect(view.user).toBe('ada');
    expect(() => view.cart).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }));
  });
});
