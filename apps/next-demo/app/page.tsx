import { demoParts } from '../lib/demo.ts';
import { readSession } from '../lib/session.ts';
import { Markup } from './markup.tsx';
import { NoteCard } from './note-card.tsx';
import { PageScript } from './page-script.tsx';
import { StateCard } from './state-card.tsx';

/** A Server Component: it reads the session, and the cards in it read the same one, which was loaded once. */
export default async function Page() {
  const { userId } = await readSession();
  const { demo, kit } = demoParts();
  const view = demo.view(userId);
  return (
    <div
      data-store={view.store}
      data-user={userId ?? ''}
      data-worker={view.worker}
      data-pid={view.pid}
      data-workers={view.workers}
    >
      <Markup of={kit.masthead(view)} />
      <main className="frame">
        <StateCard worker={view.worker} pid={view.pid} />
        <Markup of={kit.storeCard(view)} />
        <Markup of={kit.scriptlessCard()} />
        <Markup of={kit.answersCard(view)} />
        <Markup of={kit.sessionCard()} />
        <Markup of={kit.sessionsCard()} />
        <NoteCard />
      </main>
      <PageScript />
    </div>
  );
}
