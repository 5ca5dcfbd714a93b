import fs from 'node:fs';
import type { OwnerPage, SessionKey } from '@sess/core';
import type { Disk, InPool } from '../thread/disk-for.ts';
import { isMissing } from '../disk/faults.ts';
import { quietly } from '../disk/files.ts';
import { isSessionKey } from '../layout/paths.ts';
import { keyOf } from '../owners/owner-index.ts';
import type { Site } from '../verbs/site.ts';

/** What is looked at, and may be forgotten, in one call. */
const entriesPerPage = 250;

type Forget = (entries: readonly string[]) => Promise<void>;

/** What removing the entries of a page may take. */
const forgetMs = 1000;

/**
 * An owner's keys, some at a time. Through the thread pool, since the directory stays open from page to page, and each
 * page goes on where the last one ended.
 */
export async function* ownerPages(site: Site, { verbs, inPool }: Disk, owner: string): AsyncGenerator<OwnerPage> {
  const forget: Forget = (entries) => verbs.forgetEntries(performance.now() + forgetMs, owner, entries);
  const place = site.owners.placeOf(owner);
  const isShown = yield* pagesIn(place, inPool, forget);
  // An index that a cleaner of files has removed is made again: there may be something to show now.
  if (!isShown && (await inPool(() => site.owners.restoreIfMissing()))) yield* pagesIn(place, inPool, forget);
}

/** @returns whether there was any entry */
async function* pagesIn(place: string, inPool: InPool, forget: Forget): AsyncGenerator<OwnerPage, boolean> {
  const directory = await inPool(async (by) => {
    const opened = await openIfThere(place);
    // Nobody waits for it any more, so nobody would close it.
    if (performance.now() >= by) await opened?.close();
    return opened;
  });
  if (directory === undefined) return false;
  try {
    for (let pages = 0; ; pages++) {
      const entries = await inPool(() => nextEntries(directory));
      if (entries.length > 0) yield pageOf(entries, forget);
      if (entries.length < entriesPerPage) return pages > 0 || entries.length > 0;
    }
  } finally {
    // Not waited for: a disk that hangs does not close it either.
    void quietly(directory.close());
  }
}

function openIfThere(path: string): Promise<fs.Dir | undefined> {
  return new Promise((resolve, reject) =>
    fs.opendir(path, { bufferSize: entriesPerPage }, (error, directory) => {
      if (error === null) resolve(directory);
      else if (isMissing(error)) resolve(undefined);
      else reject(error);
    }),
  );
}

/** Fewer than a page: there are no more. */
async function nextEntries(directory: fs.Dir): Promise<string[]> {
  const entries: string[] = [];
  while (entries.length < entriesPerPage) {
    const entry = await directory.read();
    if (entry === null) return entries;
    if (isSessionKey(keyOf(entry.name))) entries.push(entry.name);
  }
  return entries;
}

/** A session may have several entries, of different ages. */
function pageOf(entries: readonly string[], forget: Forget): OwnerPage {
  const byKey = new Map<SessionKey, string[]>();
  for (const entry of entries) byKey.set(keyOf(entry), [...(byKey.get(keyOf(entry)) ?? []), entry]);
  return {
    keys: [...byKey.keys()],
    forget: (keys) => forget(keys.flatMap((key) => byKey.get(key) ?? [])),
  };
}
