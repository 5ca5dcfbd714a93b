import type { FieldText } from './store.ts';

/** V8 gives an object with more names than this a table; until it does, each new name is a search for the right shape. */
const manyNames = 128;

/** An object for the fields of a record that will have so many. With many it has no prototype: a table from the start. */
export function emptyFields(count: number): Record<string, FieldText> {
  return count > manyNames ? Object.create(null) : {};
}

/** Assigning `__proto__` would set the object's prototype; like this it is a name like any other. */
export function setField(fields: Record<string, FieldText>, name: string, text: FieldText): void {
  if (name === '__proto__')
    Object.defineProperty(fields, name, { value: text, writable: true, enumerable: true, configurable: true });
  else fields[name] = text;
}

/** A table is copied to a table: the spread of one takes four times as long. */
export function copyOfFields(fields: Readonly<Record<string, FieldText>>): Record<string, FieldText> {
  return Object.getPrototypeOf(fields) === null ? Object.assign(Object.create(null), fields) : { ...fields };
}

/** A field's text as a string. It is decoded here, each time that it is asked for. */
export function stringOf(text: FieldText): string {
  return typeof text === 'string' ? text : Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString();
}
