import type { Sessions } from '@sess/core';
import type { OpenContext, OpenStorage, TestRunner } from '../options.ts';

/** A storage that stories are told on. */
export interface StoryStorage extends Omit<OpenStorage, 'plant'> {
  /**
   * For a storage with a clock of its own, which does not follow the suite's: makes all that is stored `ms` older, so that
   * what would expire in `ms` expires now. Where it follows the suite's clock it is left out.
   */
  age?(ms: number): Promise<void>;
  /** Clears up. Stores that declare `close` have been closed before. */
  dispose?(): Promise<void>;
}

/** What the stories need to know of a store. */
export interface StoryTestOptions {
  /** The title of the suite: `redis`. */
  name: string;
  /** The functions of your test runner. */
  runner: TestRunner;
  /** Opens a storage of its own for some stories. The store has to index owners (`keysByOwner`). */
  open(context: OpenContext): Promise<StoryStorage> | StoryStorage;
  /**
   * How many stories are told. The environment variable `SESS_STORIES` overrules it; `SESS_STORY=17` tells story 17 alone.
   * @default 300
   */
  stories?: number;
}

/** Changes what the app uses as its sessions. For the suite's own tests: a mistake in there has to be caught. */
export type Alter = (sessions: Sessions) => Sessions;
