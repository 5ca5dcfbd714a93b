import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { serve } from './served-apps.ts';

/** Serves an OAuth provider that lets everybody in: with the code `abc`, and a token that names the code it is for. */
export async function serveOAuthProvider(): Promise<string> {
  const { url } = await serve((request, response) => void answer(request, response));
  return url;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://provider');
  if (pathname === '/authorize') {
    const back = new URL(searchParams.get('redirect_uri') ?? '');
    back.searchParams.set('code', 'abc');
    back.searchParams.set('state', searchParams.get('state') ?? '');
    response.writeHead(302, { location: back.href }).end();
  } else if (pathname === '/token' && request.method === 'POST') {
    const code = new URLSearchParams(await text(request)).get('code');
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ access_token: `for ${code}`, token_type: 'bearer' }));
  } else {
    response.writeHead(404).end();
  }
}
