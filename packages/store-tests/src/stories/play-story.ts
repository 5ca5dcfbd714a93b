import type { Issued, Source } from './history.ts';
import { playRequest } from './play-request.ts';
import { Scene } from './scene.ts';
import type { Story } from './story.ts';
import type { World } from './world.ts';

let played = 0;

/** Plays a story, and looks at everything after each chapter. */
export async function playStory(world: World, story: Story): Promise<Scene> {
  const scene = new Scene(world, `${story.seed}-${(played += 1)}`);
  const over = new Set<Issued>();
  for (const { tabs, schedule, thenMs } of story.chapters) {
    const actors = tabs.map(({ device, acts }) => async () => {
      for (const act of acts) await play(scene, { device, act });
    });
    await world.scheduler.run(schedule, actors);
    await lookAtAll(scene, over);
    await world.pass(thenMs);
    scene.history.passes.push({ at: scene.history.step(), ms: thenMs });
  }
  await lookAtAll(scene, new Set());
  return scene;
}

async function play(scene: Scene, by: Source): Promise<void> {
  const { deed } = by.act;
  if (deed.do !== 'wait' && deed.do !== 'plant' && deed.do !== 'steal') return playRequest(scene, by);
  const { world } = scene;
  if (deed.do === 'wait') return world.scheduler.call(() => world.pass(deed.ms));
  await world.scheduler.step();
  const cookie = scene.jars.get(deed.do === 'plant' ? by.device : deed.from);
  if (cookie !== undefined) scene.jars.set(deed.do === 'plant' ? deed.into : by.device, cookie);
}

/** What the cookies that were given stand for now, and whom the store lists. */
async function lookAtAll(scene: Scene, over: Set<Issued>): Promise<void> {
  const { history, world } = scene;
  const [sessions] = world.workers;
  if (sessions === undefined) return;
  const alive = new Map<string, Issued>();
  for (const cookie of history.issued) {
    if (over.has(cookie)) continue;
    const { seen } = await scene.look(sessions, cookie, 'the judge');
    if (seen.isFound) alive.set(seen.handle, cookie);
    else over.add(cookie);
  }
  const breach = (text: string): void =>
    void history.oddities.push({ by: 'the judge', rule: 'owners find their sessions', text });
  for (const user of ['ada', 'bob'] as const) {
    const listed = new Set((await sessions.list(scene.ownerOf(user))).map(({ handle }) => handle));
    for (const handle of listed)
      if (!alive.has(handle)) breach(`nobody was given the session ${handle.slice(0, 6)} of ${user}`);
    for (const [handle, cookie] of alive)
      if (cookie.user === user && !listed.has(handle))
        breach(`the session ${handle.slice(0, 6)} of ${user} is not listed`);
  }
}
