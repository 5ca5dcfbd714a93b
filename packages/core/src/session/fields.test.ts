import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { stringOf } from '../record-fields.ts';
import type { FieldText } from '../store.ts';
import { Fields } from './fields.ts';

const stored = (): Record<string, string> => ({ name: '"Ada"', count: '1', cart: '{"items":[1,2]}', none: 'null' });
const noFields = { set: {}, revise: {}, unset: [] };

describe('a change', () => {
  it('is not made by looking', () => {
    const fields = new Fields(stored());
    for (const key of [...fields.keys(), 'missing']) {
      fields.get(key);
      fields.has(key);
    }
    expect(fields.changes()).toBe(undefined);
    expect(fields.changedKeys()).toEqual([]);
  });

  it('is an assigned or deleted key, and nothing else goes along', () => {
    const fields = new Fields(stored());
    fields.get('cart');
    fields.set('count', 2);
    fields.set('fresh', { a: 1 });
    fields.delete('name');
    expect(fields.changes()).toEqual({ set: { count: '2', fresh: '{"a":1}' }, revise: {}, unset: ['name'] });
    expect(fields.texts()).toEqual({ count: '2', cart: '{"items":[1,2]}', none: 'null', fresh: '{"a":1}' });
  });

  it('is not made by an assignment equal to what was read', () => {
    const fields = new Fields(stored());
    fields.set('name', 'Ada');
    fields.set('cart', { items: [1, 2] });
    fields.set('none', null);
    expect(fields.changes()).toBe(undefined);
  });

  it('that was taken back is none', () => {
    const fields = new Fields(stored());
    fields.set('name', 'Bob');
    fields.set('name', 'Ada');
    fields.set('fresh', 1);
    fields.delete('fresh');
    fields.delete('missing');
    expect(fields.changes()).toBe(undefined);
  });

  it('of an object in place is a revision: it is written only where the key still exists', () => {
    const fields = new Fields(stored());
    const cart = Object(fields.get('cart'));
    cart.items.push(3);
    expect(fields.changes()).toEqual({ ...noFields, revise: { cart: '{"items":[1,2,3]}' } });
    cart.items.pop();
    expect(fields.changes()).toBe(undefined);
  });

  it('of an object in place that is assigned too is an assignment', () => {
    const fields = new Fields(stored());
    const cart = Object(fields.get('cart'));
    cart.items.push(3);
    fields.set('cart', cart);
    expect(fields.changes()).toEqual({ ...noFields, set: { cart: '{"items":[1,2,3]}' } });
  });

  it('of an object after it was assigned is seen: what counts is its text at commit', () => {
    const fields = new Fields({});
    const list: number[] = [];
    fields.set('list', list);
    list.push(1);
    expect(fields.changes()).toEqual({ ...noFields, set: { list: '[1]' } });
  });

  it('of undefined is a deletion: JSON has no such value', () => {
    const fields = new Fields(stored());
    fields.set('name', undefined);
    fields.set('fresh', undefined);
    expect(fields.has('name')).toBe(false);
    expect(fields.keys()).toEqual(['count', 'cart', 'none']);
    expect(fields.changes()).toEqual({ ...noFields, unset: ['name'] });
  });

  it('to what cannot be stored is refused when it is stored, with its place', () => {
    const fields = new Fields(stored());
    Object(fields.get('cart')).items.push(new Date(0));
    expect(() => fields.changes()).toThrow('session.cart.items[2] is a Date');
    const other = new Fields(stored());
    Object(other.get('cart')).self = other.get('cart');
    expect(() => other.changes()).toThrow(expect.objectContaining({ code: 'NOT_SERIALIZABLE' }));
  });

  it.each<[string, (cart: { items: unknown[]; nothing: unknown }) => void]>([
    ['a name in a list', ({ items }) => void Object.assign(items, { coupon: 'SUMMER' })],
    ['a function', (cart) => void Object.assign(cart, { total: () => 9.5 })],
    ['a symbol', (cart) => void Object.assign(cart, { [Symbol('total')]: 9.5 })],
    ['NaN in place of null', (cart) => (cart.nothing = Number.NaN)],
    ['a hole in place of null', ({ items }) => void Reflect.deleteProperty(items, 0)],
  ])('that was read, with %s set in place, is refused although its JSON is the same', (_, change) => {
    const text = '{"items":[null,2],"nothing":null}';
    const fields = new Fields({ cart: text });
    const cart = Object(fields.get('cart'));
    expect(fields.changes()).toBeUndefined();
    change(cart);
    expect(JSON.stringify(cart)).toBe(text);
    expect(fields.changedKeys()).toEqual(['cart']);
    expect(() => fields.changes()).toThrow(expect.objectContaining({ code: 'NOT_SERIALIZABLE' }));
  });
});

describe('the keys with a change that is not stored', () => {
  it('are those that differ from the store, whether or not that can be stored', () => {
    const fields = new Fields({ ...stored(), list: '[1]', loop: '{}' });
    Object(fields.get('cart')).items.push(3);
    fields.get('list');
    Object(fields.get('loop')).self = fields.get('loop');
    fields.set('name', 'Ada');
    fields.set('count', 2);
    fields.set('fresh', () => {});
    fields.delete('none');
    fields.delete('missing');
    expect(fields.changedKeys().toSorted()).toEqual(['cart', 'count', 'fresh', 'loop', 'none']);
  });

  it('are not those that are being written', () => {
    const fields = new Fields(stored());
    Object(fields.get('cart')).items.push(3);
    fields.set('name', 'Bob');
    fields.set('list', [1]);
    fields.delete('none');
    expect(fields.changes()).toBeDefined();
    const restore = fields.beginWrite();
    expect(fields.changedKeys()).toEqual([]);
    fields.set('name', 'Eve');
    Object(fields.get('cart')).items.push(4);
    expect(fields.changedKeys().toSorted()).toEqual(['cart', 'name']);
    restore();
    expect(fields.changedKeys().toSorted()).toEqual(['cart', 'list', 'name', 'none']);
    const changes = fields.changes();
    fields.beginWrite();
    fields.set('name', 'Ann');
    if (changes !== undefined) fields.wrote(changes);
    Object(fields.get('list')).push(2);
    expect(fields.changedKeys().toSorted()).toEqual(['list', 'name']);
  });
});

describe('a value', () => {
  it('is parsed when it is first looked at, and only then', () => {
    const fields = new Fields({ torn: '{"a":', fine: '1' });
    expect(fields.get('fine')).toBe(1);
    expect(fields.has('torn')).toBe(true);
    expect(fields.keys()).toEqual(['torn', 'fine']);
    fields.set('fine', 2);
    expect(fields.changes()).toEqual({ ...noFields, set: { fine: '2' } });
    expect(() => fields.get('torn')).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }));
  });

  it('is the same object each time in one request', () => {
    const fields = new Fields(stored());
    expect(fields.get('cart')).toBe(fields.get('cart'));
  });

  it('of a name that every object has is absent until it is stored', () => {
    const fields = new Fields(Object.assign(Object.create(null), { valueOf: '1' }));
    expect(fields.get('toString')).toBe(undefined);
    expect(fields.has('hasOwnProperty')).toBe(false);
    expect(fields.get('valueOf')).toBe(1);
    fields.set('toString', 'text');
    expect(fields.changes()).toEqual({ ...noFields, set: { toString: '"text"' } });
  });
});

describe('a write', () => {
  function written(fields: Fields): void {
    const changes = fields.changes();
    fields.beginWrite();
    if (changes !== undefined) fields.wrote(changes);
  }

  it('is not repeated', () => {
    const fields = new Fields(stored());
    fields.set('name', 'Bob');
    fields.delete('count');
    Object(fields.get('cart')).items.push(3);
    written(fields);
    expect(fields.changes()).toBe(undefined);
    expect(fields.keys()).toEqual(['name', 'cart', 'none']);
  });

  it('does not swallow what is assigned, deleted or changed while it runs', () => {
    const fields = new Fields(stored());
    const list = [1];
    fields.set('name', 'Bob');
    fields.set('list', list);
    fields.set('gone', 1);
    const changes = fields.changes();
    fields.beginWrite();
    fields.set('name', 'Eve');
    fields.delete('gone');
    list.push(2);
    if (changes !== undefined) fields.wrote(changes);
    expect(fields.changes()).toEqual({ set: { name: '"Eve"' }, revise: { list: '[1,2]' }, unset: ['gone'] });
  });

  it('that failed leaves the changes to be written', () => {
    const fields = new Fields(stored());
    fields.set('name', 'Bob');
    fields.set('fresh', 1);
    fields.delete('count');
    const before = fields.changes();
    const restore = fields.beginWrite();
    restore();
    expect(fields.changes()).toEqual(before);
  });

  it('of any sequence of assignments brings the store to what the request saw', () => {
    const key = fc.constantFrom('a', 'b', 'c');
    // Keys that pollute prototypes are refused: field-text.test.ts.
    const storable = fc
      .jsonValue({ maxDepth: 2 })
      .filter((value) => !/__proto__|constructor/.test(JSON.stringify(value)));
    const step = fc.oneof(
      fc.tuple(fc.constant('set'), key, storable),
      fc.tuple(fc.constant('delete'), key, fc.constant(null)),
      fc.tuple(fc.constant('get'), key, fc.constant(null)),
      fc.tuple(fc.constant('push'), key, fc.constant(7)),
      fc.tuple(fc.constant('write'), key, fc.constant(null)),
    );
    const property = fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      let store: Record<string, FieldText> = { a: '[1]', b: '"x"' };
      const model = new Map<string, unknown>([
        ['a', [1]],
        ['b', 'x'],
      ]);
      const fields = new Fields(store);
      const write = (): void => {
        const changes = fields.changes();
        fields.beginWrite();
        if (changes === undefined) return;
        store = Object.fromEntries(
          Object.entries({ ...store, ...changes.set, ...changes.revise }).filter(
            ([name]) => !changes.unset.includes(name),
          ),
        );
        fields.wrote(changes);
      };
      for (const [verb, name, value] of steps) {
        if (verb === 'set') fields.set(name, structuredClone(value));
        if (verb === 'set') model.set(name, structuredClone(value));
        if (verb === 'delete') fields.delete(name);
        if (verb === 'delete') model.delete(name);
        if (verb === 'get') fields.get(name);
        if (verb === 'push')
          for (const list of [fields.get(name), model.get(name)]) if (Array.isArray(list)) list.push(value);
        if (verb === 'write') write();
        const seen = Object.fromEntries(fields.keys().map((at) => [at, fields.get(at)]));
        expect(seen).toEqual(Object.fromEntries(model));
      }
      write();
      expect(fields.changes()).toBe(undefined);
      const texts = Object.entries(store).map(([name, text]) => [name, JSON.parse(stringOf(text))]);
      // JSON writes -0 as 0.
      expect(Object.fromEntries(texts)).toEqual(JSON.parse(JSON.stringify(Object.fromEntries(model))));
    });
    expect(fc.check(property, { numRuns: 500 })).toMatchObject({ failed: false, counterexample: null });
  });
});
