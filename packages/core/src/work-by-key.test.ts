import fc from 'fast-check';
import { expect, it } from 'vitest';

import { type KeyedWork, WorkByKey } from './work-by-key.ts';

class Work implements KeyedWork {
  after: this | undefined;
  readonly key: string;

  constructor(key: string) {
    this.key = key;
  }
}

it('finds, takes and forgets as a Map does, also where several share a bucket', () => {
  // The first two characters choose the bucket: 'aa' many times over, 'ab' and one without any.
  const keys = ['aa1', 'aa2', 'aa3', 'aa', 'ab1', 'a', ''];
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...keys), fc.boolean()), { maxLength: 60 }), (steps) => {
      const table = new WorkByKey<Work>();
      const model = new Map<string, Work>();
      for (const [key, adds] of steps) {
        const there = model.get(key);
        if (there !== undefined) {
          table.delete(there);
          model.delete(key);
        } else if (adds) {
          const work = new Work(key);
          table.add(work);
          model.set(key, work);
        } else {
          // One that is not there.
          table.delete(new Work(key));
        }
        for (const each of keys) expect(table.get(each)).toBe(model.get(each));
      }
    }),
  );
});

it('finds all of one key, one after the other, beside others of its bucket', () => {
  const table = new WorkByKey<Work>();
  const works = ['aa1', 'aa2', 'aa1', 'aa3', 'aa1', 'ab1'].map((key) => new Work(key));
  for (const work of works) table.add(work);
  const found: Work[] = [];
  for (let work = table.get('aa1'); work !== undefined; work = table.next(work)) found.push(work);
  expect(found).toEqual([works[4], works[2], works[0]]);
});
