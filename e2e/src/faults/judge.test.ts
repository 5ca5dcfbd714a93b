import { describe, expect, test } from 'vitest';
import type { Visit, Wipe } from './history.ts';
import { judge, strict } from './judge.ts';

type Story = Partial<Visit> & Pick<Visit, 'deed'>;

/** Requests of one user, ten milliseconds each, one after the other unless their times say otherwise. */
function told(...stories: readonly Story[]): Visit[] {
  return stories.map((story, at) => ({
    user: 'ada',
    session: 's1',
    askedAt: 20 * at,
    endedAt: 20 * at + 10,
    status: 200,
    cookies: ['login', 'logout', 'logout everywhere'].includes(story.deed) ? ['sid'] : [],
    ...(story.deed === 'look' && { shown: 'ada' }),
    ...story,
  }));
}

const refusal = { status: 503, retryAfter: '1', cacheControl: 'no-store', cookies: [] } as const;

function outcomes(visits: readonly Visit[], rules = strict, wipes: readonly Wipe[] = []): string[] {
  return judge({ visits, wipes }, rules).map(({ verdict }) =>
    verdict.outcome === 'wrong' ? verdict.wrong : verdict.outcome,
  );
}

describe('what the judge of histories sees', () => {
  test('a quiet life is right, whatever was refused in it', () => {
    const visits = told(
      { deed: 'login' },
      { deed: 'set', key: 'a', value: 1 },
      { deed: 'set', key: 'a', value: 2, ...refusal },
      { deed: 'get', key: 'a', value: 2 },
      { deed: 'count', views: 1 },
      { deed: 'count', ...refusal },
      { deed: 'look', views: 2 },
      { deed: 'logout' },
      { deed: 'look', shown: null },
    );
    expect(new Set(outcomes(visits))).toEqual(new Set(['right', 'refused']));
  });

  test('a false logout', () => {
    expect(outcomes(told({ deed: 'login' }, { deed: 'look', shown: null }))).toEqual(['right', 'false logout']);
  });

  test.each([
    ['a logout was confirmed', [{ deed: 'logout' }]],
    [
      'a logout everywhere was confirmed',
      [
        { deed: 'login', session: 's2' },
        { deed: 'logout everywhere', session: 's2' },
      ],
    ],
    [
      'it had been shown as gone',
      [
        { deed: 'logout', ...refusal },
        { deed: 'look', shown: null },
      ],
    ],
  ] as const)('a session that comes back after %s', (_what, ends) => {
    expect(outcomes(told({ deed: 'login' }, ...ends, { deed: 'look' })).at(-1)).toBe('revived session');
  });

  test('nothing, where the end of a session is under way or not known', () => {
    const alive = told({ deed: 'login' }, { deed: 'logout', ...refusal }, { deed: 'look' });
    const gone = told({ deed: 'login' }, { deed: 'logout', ...refusal }, { deed: 'look', shown: null });
    expect(new Set([...outcomes(alive), ...outcomes(gone)])).toEqual(new Set(['right', 'refused']));
    const atOnce = told({ deed: 'login' }, { deed: 'logout' }, { deed: 'look', askedAt: 25, shown: null });
    expect(outcomes(atOnce)).toEqual(['right', 'right', 'right']);
  });

  test('nothing, where somebody who is not logged in any more logs out everywhere', () => {
    const story: readonly Story[] = [
      { deed: 'login' },
      { deed: 'login', session: 's2' },
      { deed: 'logout' },
      { deed: 'logout everywhere' },
      { deed: 'look', session: 's2' },
    ];
    expect(outcomes(told(...story)).at(-1)).toBe('right');
  });

  test('nothing, where a logout everywhere was not confirmed, or a login was under way beside it', () => {
    const other: Story = { deed: 'login', session: 's2' };
    const unknown = told(
      { deed: 'login' },
      other,
      { deed: 'logout everywhere', ...refusal },
      { deed: 'look', session: 's2' },
    );
    expect(outcomes(unknown).at(-1)).toBe('right');
    const beside = told(
      { deed: 'login' },
      { deed: 'logout everywhere' },
      { ...other, askedAt: 15, endedAt: 35 },
      { deed: 'look', session: 's2' },
    );
    expect(outcomes(beside)).toEqual(['right', 'right', 'right', 'right']);
  });

  test('nothing, where some of what is stored may have been removed', () => {
    const wipe = { askedAt: 15, endedAt: 18, isPartial: true };
    for (const shown of ['ada', null])
      expect(outcomes(told({ deed: 'login' }, { deed: 'look', shown }), strict, [wipe])).toEqual(['right', 'right']);
  });

  test('nothing in what is read of a session that may have ended', () => {
    const visits = told(
      { deed: 'login' },
      { deed: 'set', key: 'a', value: 1 },
      { deed: 'logout', ...refusal },
      { deed: 'get', key: 'a', value: null },
    );
    expect(outcomes(visits).at(-1)).toBe('right');
  });

  test('a late write that begins a session after a logout, but not after an end from elsewhere', () => {
    const late: Story = { deed: 'set', key: 'a', value: 1, cookies: ['sid'] };
    expect(outcomes(told({ deed: 'login' }, { deed: 'logout' }, late)).at(-1)).toBe('wrong answer');
    const wipe = { askedAt: 15, endedAt: 18, isPartial: false };
    expect(outcomes(told({ deed: 'login' }, late), strict, [wipe])).toEqual(['right', 'right']);
  });

  test('what a server has lost that took over unprepared, where only logins and logouts were waited for', () => {
    const rules = { ...strict, losesUnconfirmed: true };
    const unconfirmed: readonly Story[] = [
      { deed: 'set', key: 'a', value: 1 },
      { deed: 'get', key: 'a', value: null },
      { deed: 'logout', ...refusal },
      { deed: 'look', shown: null },
      { deed: 'look' },
    ];
    expect(new Set(outcomes(told({ deed: 'login' }, ...unconfirmed), rules))).toEqual(new Set(['right', 'refused']));
    const confirmed = told({ deed: 'login' }, { deed: 'logout' }, { deed: 'look' });
    expect(outcomes(confirmed, rules).at(-1)).toBe('revived session');
  });

  test("another user's session", () => {
    expect(outcomes(told({ deed: 'login' }, { deed: 'look', shown: 'bob' }))).toContain("another user's session");
  });

  test.each([
    ['is not there', [{ deed: 'get', key: 'a', value: null }]],
    [
      'is an older one',
      [
        { deed: 'set', key: 'a', value: 2 },
        { deed: 'get', key: 'a', value: 1 },
      ],
    ],
    ['nobody has written', [{ deed: 'get', key: 'b', value: 'of somebody else' }]],
    [
      'goes back',
      [
        { deed: 'set', key: 'a', value: 2, ...refusal },
        { deed: 'get', key: 'a', value: 2 },
        { deed: 'get', key: 'a', value: 1 },
      ],
    ],
  ] as const)('an acknowledged value that %s', (_what, rest) => {
    const visits = told({ deed: 'login' }, { deed: 'set', key: 'a', value: 1 }, ...rest);
    expect(outcomes(visits).at(-1)).toBe('lost write');
  });

  test.each([
    [
      'a number twice',
      [
        { deed: 'count', views: 1, askedAt: 20 },
        { deed: 'count', views: 1, askedAt: 20 },
      ],
    ],
    [
      'less than before',
      [
        { deed: 'count', views: 1 },
        { deed: 'look', views: 0 },
      ],
    ],
    ['more than were asked for', [{ deed: 'count', views: 2 }]],
    [
      'less than somebody was told, of a count whose outcome was not known',
      [
        { deed: 'count', ...refusal },
        { deed: 'look', views: 1 },
        { deed: 'look', views: 0 },
      ],
    ],
    [
      'less than were confirmed',
      [
        { deed: 'count', views: 1, askedAt: 20 },
        { deed: 'count', views: 1, askedAt: 20 },
        { deed: 'look', views: 1 },
      ],
    ],
  ] as const)('counts that are told %s', (_what, counts) => {
    expect(outcomes(told({ deed: 'login' }, ...counts)).at(-1)).toBe('lost write');
  });

  test('an answer that is late, missing, of an unexpected status, or sets a cookie it should not', () => {
    const wrongs: [Partial<Visit>, string][] = [
      [{ endedAt: 6_000 }, 'late answer'],
      [{ status: 500 }, 'wrong answer'],
      [{ cookies: ['sid'] }, 'wrong answer'],
      [{ ...refusal, cookies: ['sid'] }, 'wrong answer'],
      [{ ...refusal, cacheControl: 'public' }, 'wrong answer'],
      [{ ...refusal, retryAfter: '30' }, 'wrong answer'],
      [{ status: 409 }, 'wrong answer'],
      [{ ...refusal, isCalm: true }, 'wrong answer'],
    ];
    for (const [wrong, expected] of wrongs) {
      expect(outcomes(told({ deed: 'login' }, { deed: 'look', ...wrong })).at(-1)).toBe(expected);
    }
    const stalled = told({ deed: 'login' }, { deed: 'look', endedAt: 6_000, stalledMs: 1_500 });
    expect(outcomes(stalled).at(-1)).toBe('right');
    const { status: _status, ...silent } = told({ deed: 'look' })[0]!;
    expect(outcomes([silent])).toEqual(['no answer']);
    expect(outcomes([silent], { ...strict, breaksConnections: true })).toEqual(['broken off']);
  });

  test('a login or a logout that says nothing of the cookie', () => {
    expect(outcomes(told({ deed: 'login', cookies: [] }))).toEqual(['wrong answer']);
    expect(outcomes(told({ deed: 'login' }, { deed: 'logout', cookies: [] })).at(-1)).toBe('wrong answer');
  });

  test('nothing, where a 409 says that the session has ended', () => {
    const late = { deed: 'count', status: 409 } as const;
    expect(outcomes(told({ deed: 'login' }, { deed: 'logout' }, late)).at(-1)).toBe('right');
  });

  test('a session that lives on although everything was removed', () => {
    const wipe = { askedAt: 15, endedAt: 18, isPartial: false };
    expect(outcomes(told({ deed: 'login' }, { deed: 'look' }), strict, [wipe])).toContain('revived session');
    expect(outcomes(told({ deed: 'login' }, { deed: 'look', shown: null }), strict, [wipe])).toEqual([
      'right',
      'right',
    ]);
  });
});
