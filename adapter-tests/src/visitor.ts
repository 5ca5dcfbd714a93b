/** A visitor who keeps cookies as a browser does, and follows no redirect unasked. */
export class Visitor {
  readonly url: string;
  readonly cookies: Map<string, string> = new Map();

  constructor(url: string) {
    this.url = url;
  }

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.cookies.size > 0) headers.set('cookie', this.cookieHeader);
    const response = await fetch(new URL(path, this.url), { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/max-age=0/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return response;
  }

  get(path: string): Promise<Response> {
    return this.request(path);
  }

  async text(path: string): Promise<string> {
    return (await this.get(path)).text();
  }

  async json(path: string): Promise<unknown> {
    return (await this.get(path)).json();
  }

  post(path: string, form: Record<string, string> = {}): Promise<Response> {
    return this.request(path, { method: 'POST', body: new URLSearchParams(form) });
  }

  postJson(path: string, body: object): Promise<Response> {
    return this.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  /** Another visitor with the same cookies: a thief, or a second tab. */
  copy(): Visitor {
    const other = new Visitor(this.url);
    for (const [name, value] of this.cookies) other.cookies.set(name, value);
    return other;
  }
}
