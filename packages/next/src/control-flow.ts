/**
 * What `redirect()`, `notFound()`, `forbidden()` and `unauthorized()` throw is no failure: it is the handler's answer.
 * Next.js tells these errors by their digest alone, and so do we.
 */
export function isControlFlow(error: unknown): boolean {
  return /^(NEXT_REDIRECT|NEXT_HTTP_ERROR_FALLBACK);/.test(digestOf(error));
}

/**
 * The answer of a Route Handler that has thrown such an error, as Next.js would give it. Next.js itself leaves no way to
 * its headers, and drops the cookies that were set before `notFound()`.
 */
export function answerOf(error: unknown): Response | undefined {
  const parts = digestOf(error).split(';');
  if (parts[0] === 'NEXT_HTTP_ERROR_FALLBACK') return new Response(null, { status: Number(parts[1]) });
  if (parts[0] !== 'NEXT_REDIRECT') return undefined;
  // NEXT_REDIRECT;push;/an;address;307; -- the address may have semicolons of its own
  const location = parts.slice(2, -2).join(';');
  return new Response(null, { status: Number(parts.at(-2)), headers: { Location: location } });
}

function digestOf(error: unknown): string {
  const digest: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'digest') : undefined;
  return typeof digest === 'string' ? digest : '';
}
