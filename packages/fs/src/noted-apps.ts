import type { NotesApps } from '@sess/core';
import { makeDirectoryIfMissing, namesIfAny, removeIfEmpty } from './disk/files.ts';

interface Note {
  name: string;
  app: string;
  until: number;
}

/**
 * Which apps keep sessions in a directory: `apps/<name>_<time at which the note is over>`. Empty directories, since to
 * make one is a single step.
 */
export function notedApps(path: string, clock: () => number): NotesApps {
  const directory = `${path}/apps`;

  async function notes(): Promise<Note[]> {
    const names = (await namesIfAny(directory)).filter((name) => /^[0-9a-f-]+_\d+$/.test(name));
    return names.map((name) => {
      const at = name.indexOf('_');
      return { name, app: name.slice(0, at), until: Number(name.slice(at + 1)) };
    });
  }

  return {
    async noteApp(app, keepMs) {
      if (!/^[0-9a-f-]{1,200}$/.test(app)) throw new TypeError('An app is noted under 1 to 200 characters of 0-9a-f-.');
      const now = Math.trunc(clock());
      const until = now + Math.ceil(Math.min(keepMs, 1e14));
      for (const made of [directory, `${directory}/${app}_${until}`]) await makeDirectoryIfMissing(made);
      for (const note of await notes()) {
        if (note.until <= now || (note.app === app && note.until < until))
          await removeIfEmpty(`${directory}/${note.name}`);
      }
    },
    async notedApps() {
      const standing = (await notes()).filter(({ until }) => until > clock());
      return [...new Set(standing.map(({ app }) => app))];
    },
  };
}
