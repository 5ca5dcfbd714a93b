import { cookies } from 'next/headers.js';
import { NextRequest, NextResponse } from 'next/server.js';

/**
 * Sends a `Set-Cookie` line from a Server Action, where Next.js gives no access to the headers: the line is parsed, and
 * Next.js writes it anew. The attributes stay; Next.js adds an `Expires` to `Max-Age`, and orders them its own way.
 */
export async function sendCookie(line: string): Promise<void> {
  const jar = await cookies();
  for (const cookie of new NextResponse(null, { headers: { 'Set-Cookie': line } }).cookies.getAll()) jar.set(cookie);
}

/**
 * The `Cookie` header as it is after the actions of this request: what they have set is in `cookies()`, and not in
 * `headers()`. Without such a change it is the browser's own header: `cookies()` decodes values, and of several
 * cookies of one name it knows only the last.
 */
export async function cookieHeaderNow(header: string | undefined, name: string): Promise<string | undefined> {
  const value = (await cookies()).get(name)?.value;
  if (value === undefined) return header;
  if (value === '') return undefined;
  if (header?.includes(`${name}=${value}`) === true || asNextReads(header, name) === value) return header;
  return `${name}=${value}`;
}

function asNextReads(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  return new NextRequest('http://localhost/', { headers: { cookie: header } }).cookies.get(name)?.value;
}
