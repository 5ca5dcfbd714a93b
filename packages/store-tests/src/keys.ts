import assert from 'node:assert/strict';
import type { SessionKey } from '@sess/core';
import type { Subject } from './subject.ts';
import type { Suite } from './suite.ts';

const key = '0123456789abcdef'.repeat(4);

/** Core never asks for these. A store that uses a key as a name must not find out what they do. */
const noKeys: Record<string, string> = {
  'the empty text': '',
  'a path upwards': '../x',
  'a path upwards of the right length': `${'../'.repeat(21)}x`,
  'an absolute path': '/etc/passwd',
  'a pattern': '*',
  'a key that is too short': key.slice(1),
  'a key that is too long': `${key}0`,
  'a key in upper case': key.toUpperCase(),
  'a key with a line feed behind it': `${key}\n`,
  'a key with a line feed before it': `\n${key}`,
  'a key with NUL in it': `${key.slice(1)}\0`,
  'a key that is not hexadecimal': `${key.slice(1)}g`,
  'a name of an object': '__proto__',
};

const verbs: Record<string, (t: Subject, key: SessionKey, version: unknown) => Promise<unknown>> = {
  create: (t, key) => t.create(key, t.record()),
  read: (t, key) => t.read(key),
  replace: (t, key, version) => t.replace(key, version, t.record()),
  destroy: (t, key) => t.destroy(key, { endMarkerMs: 60_000 }),
};

export function keys({ group, test, abilities }: Suite): void {
  group('a session key is 64 lower case hex digits', () => {
    for (const [what, noKey] of Object.entries(noKeys)) {
      test(`${what} is rejected by every verb, and leaves nothing behind`, async (t) => {
        const { key, version } = await t.created();
        for (const [verb, act] of Object.entries(verbs))
          await assert.rejects(act(t, noKey, version), { name: 'TypeError' }, `${verb} took it`);
        if (!abilities.includes('walk')) return;
        for await (const found of t.able('walk').walk()) assert.equal(found, key, 'a session is stored under it');
      });
    }

    test('keys that differ in one digit are two sessions', async (t) => {
      const near = [`${'0'.repeat(63)}0`, `${'0'.repeat(63)}1`, `1${'0'.repeat(63)}`, 'f'.repeat(64)];
      for (const [number, key] of near.entries())
        assert.ok(await t.create(key, t.record({ fields: { number: `${number}` } })));
      for (const [number, key] of near.entries())
        await t.assertStored(key, t.record({ fields: { number: `${number}` } }));
    });
  });
}
