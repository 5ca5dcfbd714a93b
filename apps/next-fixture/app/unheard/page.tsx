import { withSession } from '../../lib/session.ts';

const remember = withSession(async (session) => {
  const fresh = await session.regenerate({ owner: 'unheard' });
  await fresh.save();
  return fresh.owner;
});

/** A mistake: nobody gets the cookie of a session that a component stores. */
export default async function Page() {
  return <p id="value">{await remember()}</p>;
}
