import type { Breach } from './history.ts';
import { judgeData } from './judge-data.ts';
import { judgeEndings } from './judge-endings.ts';
import type { Scene } from './scene.ts';

/** All that was wrong in a story, by what its users were told. */
export function judge(scene: Scene): Breach[] {
  return [...scene.history.oddities, ...judgeEndings(scene.history), ...judgeData(scene)];
}
