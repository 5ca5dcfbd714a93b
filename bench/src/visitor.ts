import { Agent, type IncomingMessage, get } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** Plain requests, to fill a contestant with sessions and to see that its answers are right. */
export interface Answer {
  status: number;
  text: string;
  cookies: string[];
}

// Not fetch, which takes as much CPU time for a request as some contestants do: it is the servers' processor.
const agent = new Agent({ keepAlive: true });

export async function visit(port: number, path: string, cookie?: string): Promise<Answer> {
  const headers = cookie === undefined ? {} : { cookie };
  const request = get({ agent, host: '127.0.0.1', port, path, headers });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const cookies = (response.headers['set-cookie'] ?? []).map((line) => line.slice(0, line.indexOf(';')));
  return { status: response.statusCode ?? 0, text: await text(response), cookies };
}

/** Makes sessions of so many bytes, and returns their `Cookie` headers. */
export async function fillWithSessions(port: number, sessions: number, bytes: number): Promise<string[]> {
  const cookies: string[] = [];
  const atOnce = 20;
  for (let made = 0; made < sessions; made += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, sessions - made) }, () => visit(port, `/seed?bytes=${bytes}`));
    for (const answer of await Promise.all(some)) {
      if (answer.status !== 200 || answer.text !== 'ok') throw new Error(`A session was not made: ${answer.status}`);
      cookies.push(answer.cookies.join('; '));
    }
  }
  return cookies;
}
