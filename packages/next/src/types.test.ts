import type {
  GetServerSideProps,
  GetServerSidePropsContext,
  NextApiHandler,
  NextApiRequest,
  NextApiResponse,
} from 'next';
import { expectTypeOf, it } from 'vitest';

import { type ReadonlySession, createNextSessions } from './index.ts';
import { createPagesSessions } from './pages-router.ts';

declare module '@sess/core' {
  interface SessionData {
    basket?: { item: string; sizes: number[] }[];
  }
}

const { withSession, readSession } = createNextSessions();
const pages = createPagesSessions();

it('what is read is readonly, however deep', () => {
  expectTypeOf(readSession).returns.resolves.toEqualTypeOf<ReadonlySession>();
  type Basket = ReadonlySession['basket'];
  expectTypeOf<Basket>().toEqualTypeOf<
    readonly { readonly item: string; readonly sizes: readonly number[] }[] | undefined
  >();
  expectTypeOf<ReadonlySession>().not.toHaveProperty('destroy');
  expectTypeOf<ReadonlySession>().not.toHaveProperty('update');
  expectTypeOf<ReadonlySession['owner']>().toEqualTypeOf<string | undefined>();
});

it('a Route Handler is one to Next.js', () => {
  type Handler = (request: Request, context: { params: Promise<{ id: string }> }) => Promise<Response>;
  const plain = withSession((session) => Response.json({ count: session.basket?.length }));
  const full = withSession(async (_session, _request: Request, { params }: { params: Promise<{ id: string }> }) =>
    Response.json(await params),
  );
  expectTypeOf(plain).toExtend<Handler>();
  expectTypeOf(full).toExtend<Handler>();
});

it('a Server Action takes what its form or its caller gives, and returns what it did', () => {
  const action = withSession(async (session, form: FormData) => {
    const fresh = await session.regenerate({ owner: 'ada' });
    fresh.basket = [{ item: [...form.keys()].join(), sizes: [1] }];
  });
  expectTypeOf(action).toEqualTypeOf<(form: FormData) => Promise<void>>();
  const state = withSession((_session, previous: number, form: FormData) => previous + form.getAll('x').length);
  expectTypeOf(state).toEqualTypeOf<(previous: number, form: FormData) => Promise<number>>();
});

it('the Pages Router has its own types', () => {
  const route = pages.withSession((session, _req: NextApiRequest, res: NextApiResponse) => res.json(session.basket));
  expectTypeOf(route).toExtend<NextApiHandler>();
  const props = pages.withSession((session, _context: GetServerSidePropsContext) => ({
    props: { count: session.basket?.length ?? 0 },
  }));
  expectTypeOf(props).toExtend<GetServerSideProps<{ count: number }>>();
  // @ts-expect-error -- a Server Action is no API route
  pages.withSession((_session, form: FormData) => form);
});
