import { describe, expect, it } from 'vitest';
import type { FieldText } from './store.ts';
import { copyOfFields, emptyFields, setField } from './record-fields.ts';

describe.each([3, 1000])('the fields of a record, %i of them', (count) => {
  function filled(): Record<string, FieldText> {
    const fields = emptyFields(count);
    for (let at = 1; at < count; at += 1) setField(fields, `key${at}`, `"${at}"`);
    setField(fields, '__proto__', '"a name like any other"');
    return fields;
  }

  it('are all there, in their order, whatever their names', () => {
    const names = Object.keys(filled());
    expect(names).toHaveLength(count);
    expect(names[0]).toBe('key1');
    expect(names.at(-1)).toBe('__proto__');
    expect(Object.hasOwn(filled(), 'constructor')).toBe(false);
  });

  it('are copied with all names, and the copy is another object', () => {
    const fields = filled();
    const copy = copyOfFields(fields);
    setField(copy, 'key1', '"changed"');
    expect(Object.entries(copy)).toHaveLength(count);
    expect(Object.entries(copy).slice(1)).toEqual(Object.entries(fields).slice(1));
    expect(fields['key1']).toBe('"1"');
  });
});
