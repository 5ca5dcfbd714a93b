import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { secretFingerprint } from '../cookie/secret-fingerprint.ts';
import { createSessions } from '../sessions.ts';
import type { SessionStore } from '../store.ts';
import type { NotesApps } from '../store-abilities.ts';
import { memoryStore } from './memory-store.ts';
import { sharedWith } from './shared-storage.ts';

const codes = (apps: readonly string[], fingerprints: readonly string[], development?: string) =>
  sharedWith(apps, { fingerprints, development }).map(({ code }) => code);

describe('apps in one storage', () => {
  it('with secrets of which none is the same are told, by what the other one signs with', () => {
    const [finding] = sharedWith(['aaaaaaaa', 'bbbbbbbb-cccccccc'], { fingerprints: ['aaaaaaaa'] });
    expect(finding).toMatchObject({ code: 'STORAGE_SHARED', severity: 'warning' });
    expect(finding?.text).toContain('(bbbbbbbb)');
    expect(finding?.fix).toMatch(/prefix.*SESSION_DIR/);
  });

  it('are one over a whole rotation, in any order of its steps', () => {
    const rotation = [
      'aaaaaaaa',
      'aaaaaaaa-bbbbbbbb',
      'bbbbbbbb-aaaaaaaa',
      'bbbbbbbb',
      'bbbbbbbb-cccccccc',
      'cccccccc',
    ];
    for (const own of rotation) {
      expect(codes(rotation, own.split('-'))).toEqual([]);
      expect(codes(rotation.toReversed(), own.split('-'))).toEqual([]);
      expect(codes([...rotation, 'dddddddd'], own.split('-'))).toEqual(['STORAGE_SHARED']);
    }
  });

  it('are told to who does not know its own secrets only where there are two', () => {
    expect(codes([], [])).toEqual([]);
    expect(codes(['aaaaaaaa', 'aaaaaaaa-bbbbbbbb'], [])).toEqual([]);
    expect(codes(['aaaaaaaa', 'bbbbbbbb'], [])).toEqual(['STORAGE_SHARED']);
  });

  it('are one where a folder had its development secret before it was given another', () => {
    expect(codes(['dddddddd'], ['aaaaaaaa'], 'dddddddd')).toEqual([]);
    expect(codes(['dddddddd', 'aaaaaaaa'], [], 'dddddddd')).toEqual([]);
    expect(codes(['dddddddd', 'bbbbbbbb'], ['aaaaaaaa'], 'dddddddd')).toEqual(['STORAGE_SHARED']);
    // Two apps that are in one directory now do not have their past in common by that.
    expect(codes(['dddddddd-bbbbbbbb'], ['aaaaaaaa'], 'dddddddd')).toEqual(['STORAGE_SHARED']);
    expect(codes(['dddddddd'], ['aaaaaaaa'], 'eeeeeeee')).toEqual(['STORAGE_SHARED']);
  });

  const shop = 'shop: x9Qw7-_kLmZpR4tYvB8nD2fG6hJ0sA3cE5';
  const blog = 'blog: z8Pw7-_kLmZpR4tYvB8nD2fG6hJ0sA3cE5';

  /** What an app with this secret logs at its start. */
  async function start(store: SessionStore, secret?: string | string[], directory?: string): Promise<string[]> {
    const warnings: string[] = [];
    const logger = { info() {}, warn: (line: string) => void warnings.push(line), error() {} };
    const sessions = createSessions({
      store,
      ...(secret !== undefined && { secret }),
      ...(directory !== undefined && { directory }),
      logger,
      env: {},
      absoluteTimeoutMs: 90_000_000,
    });
    await sessions.ready();
    await sessions.close();
    return warnings;
  }

  function noting(apps: Map<string, number>): SessionStore & NotesApps {
    return {
      ...memoryStore(),
      noteApp: async (name, keepMs) => void apps.set(name, keepMs),
      notedApps: async () => [...apps.keys()],
    };
  }

  it('are noted at the start for as long as a session may live, and the second one is warned', async () => {
    const apps = new Map<string, number>();
    const store = noting(apps);
    expect(await start(store, shop)).toEqual([]);
    expect(apps).toEqual(new Map([[secretFingerprint(shop), 90_000_000]]));
    expect(await start(store, [blog, shop])).toEqual([]);
    apps.delete([blog, shop].map(secretFingerprint).join('-'));
    expect(await start(store, blog)).toEqual([
      expect.stringMatching(/^Session storage warning STORAGE_SHARED: Another app, with other secrets/),
    ]);
  });

  it('are not taken for two when an app that was tried without a secret is given one', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sess-development-'));
    try {
      const store = noting(new Map());
      expect(await start(store, undefined, directory)).toEqual([expect.stringMatching(/^Session warning: SECRET_KEY/)]);
      expect(await start(store, shop, directory)).toEqual([]);
      expect(await start(store, blog, join(directory, 'elsewhere'))).toEqual([
        expect.stringMatching(/^Session storage warning STORAGE_SHARED/),
      ]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('start all the same where they cannot be noted', async () => {
    const store = { ...noting(new Map()), noteApp: () => Promise.reject(new Error('NOPERM')) };
    expect(await start(store, shop)).toEqual([]);
  });
});
