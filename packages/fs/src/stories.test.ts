import { rm } from 'node:fs/promises';
import { testStories } from '@sess/store-tests';
import { afterAll, describe, it } from 'vitest';
import { fsStore } from './index.ts';
import { fastDirectory, removeTemporaryDirectories } from './testing/directories.ts';

afterAll(removeTemporaryDirectories);

testStories({
  name: 'files',
  runner: { describe, it },
  stories: 200,
  open({ clock, instances }) {
    const directory = fastDirectory();
    return {
      stores: Array.from({ length: instances }, () => fsStore({ directory, clock, sweepEveryMs: 0 })),
      dispose: () => rm(directory, { recursive: true }),
    };
  },
});
