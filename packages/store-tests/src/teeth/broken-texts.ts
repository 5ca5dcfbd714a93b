import type { FieldText } from '@sess/core';
import { textOf } from '../compare.ts';
import { handingOut, keeping, takingTexts } from './altered-stores.ts';
import type { Broken } from './broken.ts';
import { mapped } from './storage.ts';

const isBytes = (text: FieldText): text is Uint8Array => typeof text !== 'string';

/** All reads share it. */
const scratch = new Uint8Array(8 * 1024 * 1024);

function inScratch(text: FieldText): FieldText {
  if (!isBytes(text)) return text;
  scratch.set(text);
  return scratch.subarray(0, text.length);
}

/** Names and texts of fields that do not come back as they were given. */
export const brokenTexts: readonly Broken[] = [
  {
    mistake: 'a field "__proto__" is lost',
    failsOn: 'field keys > keeps field keys of every kind at create',
    Store: keeping((record) => {
      const fields: Record<string, FieldText> = {};
      for (const [name, text] of Object.entries(record.fields)) fields[name] = text;
      return { ...record, fields };
    }),
  },
  {
    mistake: 'a field "__proto__" is parsed and becomes a prototype',
    failsOn: 'field keys > a field "__proto__" reaches no prototype',
    Store: handingOut((fields) => {
      const text = Object.entries(fields).find(([name]) => name === '__proto__')?.[1];
      return text === undefined ? fields : Object.setPrototypeOf({ ...fields }, JSON.parse(textOf(text)));
    }),
  },
  {
    mistake: 'names of fields are composed and in lower case',
    failsOn: 'field keys > tells field keys apart that differ only in case or composition',
    Store: keeping((record) => {
      const composed = Object.entries(record.fields).map(([name, text]) => [name.toLowerCase().normalize(), text]);
      return { ...record, fields: Object.fromEntries(composed) };
    }),
  },
  {
    mistake: 'empty texts are left out',
    failsOn: 'field texts > keeps the empty text',
    Store: keeping((record) => {
      const filled = Object.entries(record.fields).filter(([, text]) => text.length > 0);
      return { ...record, fields: Object.fromEntries(filled) };
    }),
  },
  {
    mistake: 'all reads share one buffer',
    failsOn: 'texts as bytes > that a reader holds are those of its moment, whatever is stored after it',
    Store: handingOut((fields) => mapped(fields, inScratch)),
  },
  {
    mistake: 'NUL is lost',
    failsOn: 'field texts > keeps NUL',
    Store: takingTexts((text) => textOf(text).replaceAll('\0', '')),
  },
  {
    mistake: 'a byte order mark is lost',
    failsOn: 'field texts > keeps a byte order mark',
    Store: takingTexts((text) => new TextDecoder().decode(Buffer.from(text))),
  },
  {
    mistake: 'bytes are taken for Latin-1',
    failsOn: 'texts as bytes > are taken by create and by replace, beside strings',
    Store: takingTexts((text) => (isBytes(text) ? Buffer.from(text).toString('latin1') : text)),
  },
  {
    mistake: 'bytes are taken for what is stored under the name already',
    failsOn: 'texts as bytes > of an older state are stored as they are, not taken for what stands now',
    Store: takingTexts((text, before) => (isBytes(text) ? (before ?? text) : text)),
  },
  {
    mistake: 'a text of the same length is taken for the same text',
    failsOn: 'texts as bytes > replace with what was read and the long text changed, of the same length',
    Store: takingTexts((text, before) => (text.length === before?.length && text.length > 1000 ? before : text)),
  },
  {
    mistake: 'of bytes that are a part of more all are taken',
    failsOn: 'texts as bytes > replace with what was read and bytes that are a part of more',
    Store: takingTexts((text) => (isBytes(text) ? new Uint8Array(text.buffer) : text)),
  },
];
