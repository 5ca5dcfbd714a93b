import { readSession } from '../lib/session.ts';

async function Name() {
  const { user } = await readSession();
  return <b id="user">{user ?? 'nobody'}</b>;
}

async function Views() {
  const { views, handle, isNew } = await readSession();
  return (
    <p>
      <span id="views">{views ?? 0}</span> <span id="handle">{isNew ? 'none' : handle}</span>
    </p>
  );
}

export default function Page() {
  return (
    <main>
      <Name />
      <Views />
    </main>
  );
}
