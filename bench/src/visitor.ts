/** Plain requests, to fill a contestant with sessions and to see that its answers are right. */
export interface Answer {
  status: number;
  text: string;
  cookies: string[];
}

export async function visit(port: number, path: string, cookie?: string): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: cookie === undefined ? {} : { cookie },
  });
  const cookies = response.headers.getSetCookie().map((line) => line.slice(0, line.indexOf(';')));
  return { status: response.status, text: await response.text(), cookies };
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
