import { memoryStore } from '@sess/core';
import { describe, it } from 'vitest';
import { testStore } from './index.ts';

testStore({
  name: 'the memory store',
  // Without `skip`: what the store does not claim to do is left out.
  runner: { describe, it: it.bind(null) },
  abilities: ['describe', 'keysByOwner', 'walk', 'sweep', 'check', 'close'],
  open({ clock, instances }) {
    // All "workers" are the one store: what is in memory cannot be shared in any other way.
    const store = memoryStore({ clock });
    return { stores: Array.from({ length: instances }, () => store) };
  },
});
