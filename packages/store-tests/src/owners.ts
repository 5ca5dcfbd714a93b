import assert from 'node:assert/strict';
import type { OwnerPage, SessionKey } from '@sess/core';
import { conflictOf } from './compare.ts';
import { type Subject, minuteMs } from './subject.ts';
import type { Suite } from './suite.ts';

/** An entry younger than this is never dropped. */
const youngMs = 60_000;

const mostInAPage = 1_000;

/** Owners that meet paths, patterns, separators and limits of names. */
const owners: Record<string, string> = {
  'is the empty text': '',
  'is a number in a text': '42',
  'is an e-mail address': 'Jürgen+test@example.org',
  'is a path upwards': '../..',
  'is a dot': '.',
  'has slashes': '/etc/passwd\\..\\',
  'is a pattern': '*',
  'has braces and colons': '{u}:1',
  'has spaces, line feeds and NUL': ' a\r\nb\0c ',
  'is in another script': 'владелец 👤',
  'is "__proto__"': '__proto__',
  'is 1 KB long': 'o'.repeat(1024),
};

/** Owners that a careless encoding takes for the same. */
const pairs: readonly (readonly [string, string])[] = [
  ['u1', 'u10'],
  ['u', 'U'],
  ['a/b', 'a_b'],
  ['a b', 'a%20b'],
  ['\u00E9', 'e\u0301'],
  ['', ' '],
  ['*', 'x'],
  ['o'.repeat(1024), 'o'.repeat(1023)],
];

async function assertOwns(t: Subject, owner: string, key: SessionKey): Promise<void> {
  for (const worker of t.workers) {
    const keys = await t.keysOf(owner, worker);
    assert.ok(keys.includes(key), 'a live session is missing from the index');
  }
}

export function ownerIndex({ group, test: anyTest }: Suite): void {
  const test = (name: string, body: (t: Subject) => Promise<void>) => anyTest(name, { ability: 'keysByOwner' }, body);

  group('keys by owner', () => {
    test('are none for an owner that nobody heard of', async (t) => {
      assert.deepEqual(await t.keysOf('nobody'), []);
    });

    test('hold every live session of the owner, and no others', async (t) => {
      const made: SessionKey[] = [];
      for (let count = 0; count < 20; count++) made.push((await t.created({ owner: 'u1' })).key);
      await t.created({ owner: 'u2' });
      await t.created();
      for (const worker of t.workers) {
        const keys = await t.keysOf('u1', worker);
        assert.deepEqual(keys.toSorted(), made.toSorted());
      }
    });

    test('are shown in pages, all of them, also while some are forgotten and others written', async (t) => {
      const leftMs = 10 * youngMs;
      const made: SessionKey[] = [];
      while (made.length < 1.1 * mostInAPage) {
        const some = await Promise.all(Array.from({ length: 50 }, () => t.created({ owner: 'u1', leftMs })));
        made.push(...some.map(({ key }) => key));
      }
      const ended = new Set(made.filter((_, index) => index % 3 === 0));
      for (const key of ended) await t.destroy(key);
      if (!t.clock.isOwn) await t.clock.pass(youngMs + 1000);

      const shown = new Set<SessionKey>();
      for await (const page of t.able('keysByOwner').keysByOwner('u1')) {
        assert.ok(page.keys.length <= mostInAPage, `a page of ${page.keys.length} keys`);
        for (const key of page.keys) shown.add(key);
        await t.created({ owner: 'u1', leftMs });
        await page.forget(page.keys.filter((key) => ended.has(key)));
      }
      const missing = made.filter((key) => !ended.has(key) && !shown.has(key));
      assert.deepEqual(missing, [], 'live sessions are missing');
    });

    for (const [what, owner] of Object.entries(owners)) {
      test(`an owner that ${what} finds its session, and the record keeps it exactly`, async (t) => {
        const { key, record } = await t.created({ owner });
        await assertOwns(t, owner, key);
        await t.assertStored(key, record);
        await t.forget(owner, [key]);
        await assertOwns(t, owner, key);
      });
    }

    for (const [one, other] of pairs) {
      test(`${short(one)} and ${short(other)} are two owners`, async (t) => {
        const first = await t.created({ owner: one });
        const second = await t.created({ owner: other });
        assert.deepEqual(await t.keysOf(one), [first.key]);
        assert.deepEqual(await t.keysOf(other), [second.key]);
      });
    }

    test('follow a replace that gives the session an owner, or another one', async (t) => {
      const { key, record } = await t.created();
      for (const owner of ['u1', 'u2', 'u1', 'u1']) {
        await t.replaced(key, { ...record, owner }, 1);
        await assertOwns(t, owner, key);
      }
    });

    test('still hold a session whose lifetime grew', async (t) => {
      for (const worker of t.workers) {
        const owner = `u${worker}`;
        const key = await t.outlive(async (leftMs) => {
          const { key } = await t.created({ owner, leftMs });
          await t.replaced(key, t.record({ owner }), worker);
          return key;
        });
        await t.clock.pass(800);
        await assertOwns(t, owner, key);
      }
    });

    test('still hold a session beside one of the same owner with a shorter life', async (t) => {
      const { key } = await t.created({ owner: 'u1', leftMs: minuteMs });
      await t.outlive(async (leftMs) => {
        const short = await t.created({ owner: 'u1', leftMs });
        await t.replaced(short.key, { ...short.record, expiresAt: short.record.expiresAt + 50 });
      });
      await t.clock.pass(1200);
      await assertOwns(t, 'u1', key);
    });

    test('still hold a session after a create under its key that failed', async (t) => {
      const { key } = await t.created({ owner: 'u1' });
      assert.equal(await t.create(key, t.record({ owner: 'u2' })), undefined);
      await assertOwns(t, 'u1', key);
    });

    test('still hold a session after a conflict that would have changed its owner', async (t) => {
      const { key, record, version } = await t.created({ owner: 'u1' });
      await t.replaced(key, record);
      for (const late of [t.record(), t.record({ owner: 'u2' })]) conflictOf(await t.replace(key, version, late));
      await assertOwns(t, 'u1', key);
    });
  });

  forgetting({ group, test: anyTest });
}

function forgetting({ group, test }: Pick<Suite, 'group' | 'test'>): void {
  const needs = { ability: 'keysByOwner' } as const;
  const needsMoved = { ...needs, movedClock: true };

  group('forgetting keys of a page', () => {
    test('keeps an entry that is younger than a minute', needs, async (t) => {
      const { key } = await t.created({ owner: 'u1' });
      await t.forget('u1', [key], 1);
      await assertOwns(t, 'u1', key);
    });

    test('keeps a young entry to the last millisecond of its minute', needsMoved, async (t) => {
      const { key } = await t.created({ owner: 'u1', leftMs: 10 * youngMs });
      await t.clock.pass(youngMs - 1);
      await t.forget('u1', [key]);
      await assertOwns(t, 'u1', key);
    });

    test('drops an older entry whose session is gone, and only that', needsMoved, async (t) => {
      const ended = await t.created({ owner: 'u1', leftMs: 10 * youngMs });
      const live = await t.created({ owner: 'u1', leftMs: 10 * youngMs });
      const others = await t.created({ owner: 'u2', leftMs: 10 * youngMs });
      await t.destroy(ended.key);
      await t.clock.pass(youngMs + 1000);
      await t.forget('u1', [ended.key], 1);
      assert.deepEqual(await t.keysOf('u1'), [live.key]);
      await assertOwns(t, 'u2', others.key);
    });

    test('keeps an old entry that was written again: its session may be about to be stored', needsMoved, async (t) => {
      const { key } = await t.created({ owner: 'u1', leftMs: 10 * youngMs });
      for (const owner of ['u2', 'u1']) {
        await t.clock.pass(youngMs + 1000);
        await t.replaced(key, t.record({ owner, leftMs: 10 * youngMs }));
      }
      await t.forget('u1', [key]);
      await assertOwns(t, 'u1', key);
    });

    test('keeps an entry that was written again after the page was read', needsMoved, async (t) => {
      const { key } = await t.created({ owner: 'u1', leftMs: 10 * youngMs });
      await t.replaced(key, t.record({ owner: 'u2', leftMs: 10 * youngMs }));
      await t.clock.pass(youngMs + 1000);
      const pages: OwnerPage[] = [];
      for await (const page of t.able('keysByOwner').keysByOwner('u1')) pages.push(page);
      await t.replaced(key, t.record({ owner: 'u1', leftMs: 10 * youngMs }), 1);
      for (const page of pages) await page.forget(page.keys);
      await assertOwns(t, 'u1', key);
    });

    test('is no error for no keys, and for entries that another one has dropped', needsMoved, async (t) => {
      const { key } = await t.created({ owner: 'u1', leftMs: 10 * youngMs });
      await t.destroy(key);
      await t.clock.pass(youngMs + 1000);
      for await (const page of t.able('keysByOwner').keysByOwner('u1')) {
        await page.forget([]);
        await t.forget('u1', [key], 1);
        await page.forget(page.keys);
      }
      assert.deepEqual(await t.keysOf('u1'), []);
    });
  });
}

function short(text: string): string {
  return text.length > 20 ? `${text.length} letters` : JSON.stringify(text);
}
