import { memoryStore } from '@sess/core';
import { describe, it } from 'vitest';
import { testStories } from '../stories.ts';

testStories({
  name: 'the memory store',
  runner: { describe, it },
  stories: 1500,
  open({ clock, instances }) {
    const store = memoryStore({ clock });
    return { stores: Array.from({ length: instances }, () => store) };
  },
});
