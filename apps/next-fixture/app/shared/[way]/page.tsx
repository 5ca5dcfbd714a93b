import { readSession } from '../../../lib/session.ts';
import { sharedValue } from '../../../lib/shared-values.ts';
import { keepShared } from './actions.ts';

interface Props {
  params: Promise<{ way: string }>;
  searchParams: Promise<{ run?: string; first?: string }>;
}

export default async function Page({ params, searchParams }: Props) {
  const [{ way }, { run = '', first }] = await Promise.all([params, searchParams]);
  if (first !== undefined) await readSession();
  return (
    <main>
      <p id="value">{await sharedValue(way, run)}</p>
      <form action={keepShared} id="keep">
        <input name="way" defaultValue={way} />
        <input name="run" defaultValue={run} />
        <button>Keep</button>
      </form>
    </main>
  );
}
