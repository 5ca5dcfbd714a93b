import { notFound, permanentRedirect, redirect, unauthorized } from 'next/navigation.js';
import { describe, expect, it } from 'vitest';

import { answerOf, isControlFlow } from './control-flow.ts';

process.env['__NEXT_EXPERIMENTAL_AUTH_INTERRUPTS'] = 'true';

function thrownBy(fn: () => never): unknown {
  try {
    return fn();
  } catch (error) {
    return error;
  }
}

describe('what Next.js throws instead of answering', () => {
  it.each([
    ['redirect()', () => redirect('/'), 307, '/'],
    ['redirect() to an address with semicolons', () => redirect('/a;b=1?c=2;d#e;f'), 307, '/a;b=1?c=2;d#e;f'],
    ['redirect() to elsewhere', () => redirect('https://example.org/a'), 307, 'https://example.org/a'],
    ['permanentRedirect()', () => permanentRedirect('/new'), 308, '/new'],
    ['notFound()', () => notFound(), 404, null],
    ['unauthorized()', () => unauthorized(), 401, null],
  ] as const)('%s is an answer', (_, fn, status, location) => {
    const error = thrownBy(fn);
    expect(isControlFlow(error)).toBe(true);
    const answer = answerOf(error);
    expect([answer?.status, answer?.headers.get('location')]).toEqual([status, location]);
  });

  it.each([
    new Error('NEXT_REDIRECT;push;/;307;'),
    'NEXT_REDIRECT;push;/;307;',
    undefined,
    null,
    { digest: 7 },
    { digest: 'OTHER' },
  ])('and %s is not', (error) => {
    expect(isControlFlow(error)).toBe(false);
    expect(answerOf(error)).toBeUndefined();
  });
});
