import type { GetServerSidePropsContext } from 'next';
import { withSession } from '../lib/pages-session.ts';

export const getServerSideProps = withSession(async (session, context: GetServerSidePropsContext) => {
  if (context.query['count'] !== undefined) await session.update('views', (views = 0) => views + 1);
  if (context.query['login'] !== undefined) {
    const fresh = await session.regenerate({ owner: 'ada' });
    fresh.user = 'ada';
    return { redirect: { destination: '/legacy', permanent: false } };
  }
  return { props: { user: session.user ?? null, views: session.views ?? 0 } };
});

export default function Legacy({ user, views }: { user: string | null; views: number }) {
  return (
    <main>
      <b id="user">{user ?? 'nobody'}</b> <i id="views">{views}</i>
    </main>
  );
}
