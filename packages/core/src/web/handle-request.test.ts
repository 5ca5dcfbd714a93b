import { describe, expect, it } from 'vitest';

import { SessError } from '../errors.ts';
import { onSessionEvent } from '../events.ts';
import { type Sessions, createSessions } from '../sessions.ts';
import { Gate, type ProbeStore, probeStore } from '../testing/probe-store.ts';
import { type AnySession, anySession, testSecret } from '../testing/test-app.ts';
import { currentSession } from './current-exchange.ts';
import type { HandleOptions } from './handle-request.ts';

type Handler = (session: AnySession) => Response | Promise<Response>;

/** A browser that talks to `sessions.handle()`. */
class Client {
  readonly store: ProbeStore = probeStore();
  readonly sessions: Sessions = createSessions({ store: this.store, secret: testSecret, logger: false, env: {} });
  cookie: string | undefined;

  async ask(handler: Handler, options?: HandleOptions): Promise<Response> {
    const headers: Record<string, string> = this.cookie === undefined ? {} : { cookie: this.cookie };
    const request = new Request('http://test/', { headers });
    const answer = await this.sessions.handle(request, (session) => handler(anySession(session)), options);
    const [pair] = answer.headers.getSetCookie()[0]?.split(';') ?? [];
    if (pair !== undefined) this.cookie = pair === 'sid=' ? undefined : pair;
    return answer;
  }

  async text(handler: Handler): Promise<string> {
    return (await this.ask(handler)).text();
  }

  static async loggedIn(): Promise<Client> {
    const client = new Client();
    await client.sessions.ready();
    await client.text((session) => {
      session['user'] = 'ada';
      return new Response('in');
    });
    client.store.took();
    return client;
  }
}

const user: Handler = (session) => new Response(String(session['user']));

function down(): never {
  throw new SessError('STORE_UNAVAILABLE', 'The store is away.');
}

/** A body that comes in two pieces, with work in between. */
function streamed(work: () => unknown, headers: Record<string, string> = {}): Response {
  const encoder = new TextEncoder();
  let step = 0;
  const body = new ReadableStream({
    async pull(controller) {
      step += 1;
      if (step === 1) return controller.enqueue(encoder.encode('first,'));
      if (step === 3) return controller.close();
      await work();
      controller.enqueue(encoder.encode('second'));
    },
  });
  return new Response(body, { headers });
}

describe('sessions.handle()', () => {
  it('stores what the handler changed before it answers, and adds the cookie', async () => {
    const client = await Client.loggedIn();
    const gate = new Gate();
    client.store.before = ({ verb }) => (verb === 'replace' ? gate.pass() : undefined);
    let isAnswered = false;
    const answer = client
      .ask((session) => {
        session['cart'] = ['book'];
        return new Response('stored');
      })
      .finally(() => (isAnswered = true));
    await gate.reached;
    expect(isAnswered).toBe(false);
    gate.open();
    expect((await answer).headers.get('vary')).toBe('Cookie');
    expect(await client.text((session) => Response.json(session))).toBe('{"user":"ada","cart":["book"]}');
  });

  it('costs an anonymous visitor nothing: no store call, no header, the same response', async () => {
    const client = new Client();
    await client.sessions.ready();
    client.store.took();
    const given = new Response('page');
    expect(await client.ask(() => given)).toBe(given);
    expect(client.store.took()).toEqual([]);
  });

  it('gives the session to everything that the handler calls, and nobody else', async () => {
    const client = await Client.loggedIn();
    const deep = async (): Promise<string> => {
      await Promise.resolve();
      await currentSession().regenerate({ keep: true });
      return String(anySession(currentSession())['user']);
    };
    expect(await client.text(async () => new Response(await deep()))).toBe('ada');
    expect(() => currentSession()).toThrow('outside of a request');
  });

  it('tells of the session that a regenerate puts in place of the first', async () => {
    const client = await Client.loggedIn();
    const handles: string[] = [];
    const onSession: HandleOptions['onSession'] = (session) => void handles.push(session.handle);
    await client.ask(
      async (session) => {
        await session.regenerate({ owner: 'ada' });
        return new Response('in');
      },
      { onSession },
    );
    expect(new Set(handles).size).toBe(2);
  });

  it('answers 503 for a fault that the handler meets, and keeps the cookie', async () => {
    const client = await Client.loggedIn();
    client.store.before = down;
    const answer = await client.ask(user);
    expect([answer.status, answer.headers.get('retry-after'), answer.headers.getSetCookie()]).toEqual([503, '1', []]);
    client.store.before = undefined;
    expect(await client.text(user)).toBe('ada');
  });

  it('answers 503 where the framework has made a 500 of the fault, from nothing', async () => {
    const client = await Client.loggedIn();
    client.store.before = down;
    const answer = await client.ask((session) => {
      try {
        return user(session);
      } catch {
        return new Response('Internal Server Error', { status: 500, headers: { ETag: '"app"' } });
      }
    });
    expect([answer.status, answer.headers.get('etag'), answer.headers.get('cache-control')]).toEqual([
      503,
      null,
      'no-store',
    ]);
  });

  it('answers 503 where the handler has hidden the fault in a 200, if it says that it does', async () => {
    const client = await Client.loggedIn();
    const hide: Handler = (session) => {
      try {
        return user(session);
      } catch {
        return Response.json({ errors: ['Unexpected error.'] });
      }
    };
    const hidesErrors = { hidesErrors: true };
    expect(await (await client.ask(hide, hidesErrors)).text()).toBe('ada');
    client.store.before = down;
    expect((await client.ask(hide)).status).toBe(200);
    const answer = await client.ask(hide, hidesErrors);
    expect([answer.status, answer.headers.get('retry-after'), answer.headers.getSetCookie()]).toEqual([503, '1', []]);
    client.store.before = undefined;
    expect(await (await client.ask(hide, hidesErrors)).text()).toBe('ada');
  });

  it('answers 503 for a commit that fails, and tells the app', async () => {
    const client = await Client.loggedIn();
    client.store.before = ({ verb }) => (verb === 'replace' ? down() : undefined);
    const told: string[] = [];
    const answer = await client.ask(
      (session) => {
        session['cart'] = 1;
        return new Response('stored', { headers: { Location: '/cart' } });
      },
      { onFailure: (error) => void told.push(error.message) },
    );
    expect([answer.status, answer.headers.get('location')]).toEqual([503, null]);
    await new Promise(setImmediate);
    expect(told).toEqual(['The store is away.']);
  });

  it('lets an app that was told of a fault say so, and tries nothing once more', async () => {
    const client = await Client.loggedIn();
    client.store.before = ({ verb }) => (verb === 'destroy' ? down() : undefined);
    const answer = await client.ask(async (session) => {
      await session.destroy().catch(() => {});
      return new Response('told', { status: 503 });
    });
    expect([answer.status, await answer.text()]).toEqual([503, 'told']);
    expect(client.store.took()).toEqual(['read', 'destroy']);
  });

  it('leaves a request alone that does not look at its session while the store is down', async () => {
    const client = await Client.loggedIn();
    client.store.before = down;
    expect(await client.text(() => new Response('page'))).toBe('page');
  });

  it("throws the app's own error, and stores nothing of that request", async () => {
    const client = await Client.loggedIn();
    const failed = client.ask((session) => {
      session['user'] = 'bob';
      throw new TypeError('a mistake');
    });
    await expect(failed).rejects.toThrow('a mistake');
    expect(await client.text(user)).toBe('ada');
  });

  it('gives the browser a login that was saved before a mistake, where the handler answers it', async () => {
    const client = await Client.loggedIn();
    const before = client.cookie;
    const logIn: Handler = async (session) => {
      const next = await session.regenerate({ owner: 'ada', keep: true });
      await next.save();
      throw new TypeError('a mistake');
    };
    const answered: Handler = async (session) => {
      try {
        return await logIn(session);
      } catch {
        return new Response('sorry', { status: 500 });
      }
    };
    expect((await client.ask(answered)).status).toBe(500);
    expect(client.cookie).not.toBe(before);
    expect(await client.text(user)).toBe('ada');
  });

  it('answers with the status of an error that the client has caused', async () => {
    const client = await Client.loggedIn();
    const answer = await client.ask((session) => {
      session['__proto__'] = 1;
      return new Response('stored');
    });
    expect([answer.status, await answer.json()]).toMatchObject([400, { code: 'RESERVED_KEY' }]);
  });

  describe('while the body streams', () => {
    it('a change is stored before the body ends', async () => {
      const client = await Client.loggedIn();
      const gate = new Gate();
      client.store.before = ({ verb }) => (verb === 'replace' ? gate.pass() : undefined);
      const answer = await client.ask((session) => streamed(() => (session['cart'] = 1)));
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      expect([(await reader?.read())?.value, (await reader?.read())?.value]).toEqual(['first,', 'second']);
      const end = reader?.read();
      await gate.reached;
      gate.open();
      expect((await end)?.done).toBe(true);
      expect(await client.text((session) => Response.json(session))).toBe('{"user":"ada","cart":1}');
    });

    it('of an announced length its last bytes wait for the change', async () => {
      const client = await Client.loggedIn();
      const gate = new Gate();
      client.store.before = ({ verb }) => (verb === 'replace' ? gate.pass() : undefined);
      const answer = await client.ask((session) => streamed(() => (session['cart'] = 1), { 'Content-Length': '12' }));
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      expect((await reader?.read())?.value).toBe('first,');
      let isWhole = false;
      const last = reader?.read().finally(() => (isWhole = true));
      await gate.reached;
      expect(isWhole).toBe(false);
      gate.open();
      expect((await last)?.value).toBe('second');
    });

    it('a change that cannot be stored breaks the body off, and is an event', async () => {
      const client = await Client.loggedIn();
      client.store.before = ({ verb }) => (verb === 'replace' ? down() : undefined);
      const codes: unknown[] = [];
      const stop = onSessionEvent('commitFailed', ({ code }) => void codes.push(code));
      const answer = await client.ask((session) => streamed(() => (session['cart'] = 1)));
      await expect(answer.text()).rejects.toThrow('The store is away.');
      stop();
      expect(codes).toEqual(['STORE_UNAVAILABLE']);
    });

    it('a first change of a visitor without a session is refused: its cookie cannot be sent any more', async () => {
      const client = new Client();
      const answer = await client.ask((session) => streamed(() => (session['cart'] = 1)));
      await expect(answer.text()).rejects.toThrow('headers have been sent');
    });

    it('a client that goes away leaves nothing stored', async () => {
      const client = await Client.loggedIn();
      const answer = await client.ask((session) => streamed(() => (session['cart'] = 1)));
      const reader = answer.body?.getReader();
      await reader?.read();
      await reader?.read();
      await reader?.cancel();
      expect(await client.text((session) => Response.json(session))).toBe('{"user":"ada"}');
    });

    it('a body that fails on its way leaves nothing stored, and tells of what was dropped', async () => {
      const client = await Client.loggedIn();
      const dropped: unknown[] = [];
      const stop = onSessionEvent('dropped', ({ keys, reason }) => void dropped.push([keys, reason]));
      const answer = await client.ask((session) =>
        streamed(() => {
          session['cart'] = 1;
          throw new TypeError('a mistake');
        }),
      );
      await expect(answer.text()).rejects.toThrow('a mistake');
      stop();
      expect(dropped).toEqual([[['cart'], 'abandoned']]);
      expect(await client.text((session) => Response.json(session))).toBe('{"user":"ada"}');
    });

    it('after its end a change is refused', async () => {
      const client = await Client.loggedIn();
      let kept: AnySession | undefined;
      await client.text((session) => {
        kept = session;
        return new Response('done');
      });
      expect(() => Object.assign(kept ?? {}, { user: 'bob' })).toThrow('after the response had ended');
    });
  });

  describe('a body that is whole when it is given', () => {
    /** What a body consists of, and the text that it is. */
    const bodies: Record<string, [make: () => Response, text: string]> = {
      'a text': [() => new Response('whole'), 'whole'],
      'an empty text': [() => new Response(''), ''],
      bytes: [() => new Response(new Uint8Array([119, 104])), 'wh'],
      JSON: [() => Response.json({ whole: true }), '{"whole":true}'],
      'a form': [() => new Response(new URLSearchParams({ a: '1' })), 'a=1'],
      'a stream of one chunk': [() => new Response(new Blob(['whole']).stream()), 'whole'],
      'a stream of two chunks': [
        () => {
          const body = new ReadableStream({
            start(controller) {
              for (const text of ['first,', 'second']) controller.enqueue(new TextEncoder().encode(text));
              controller.close();
            },
          });
          return new Response(body);
        },
        'first,second',
      ],
    };

    it.each(Object.keys(bodies))('%s leaves as it is', async (kind) => {
      const client = await Client.loggedIn();
      const [make, text] = bodies[kind] ?? [() => new Response(), ''];
      const answer = await client.ask((session) => {
        void session['user'];
        const given = make();
        given.headers.set('ETag', '"1"');
        return new Response(given.body, { status: 203, statusText: 'Well', headers: given.headers });
      });
      expect([answer.status, answer.statusText, answer.headers.get('etag')]).toEqual([203, 'Well', '"1"']);
      expect(answer.headers.get('content-type')).toBe(make().headers.get('content-type'));
      expect(await answer.text()).toBe(text);
    });

    it.each(['a text', 'an empty text', 'bytes', 'JSON', 'a form'])('the session is sealed: %s', async (kind) => {
      const client = await Client.loggedIn();
      const [make] = bodies[kind] ?? [() => new Response()];
      let kept: AnySession | undefined;
      await client.ask((session) => {
        kept = session;
        void session['user'];
        return make();
      });
      expect(() => Object.assign(kept ?? {}, { user: 'bob' })).toThrow('after the response had ended');
    });

    it.each<[string, () => Response]>([
      ['a named transfer coding', () => new Response('whole', { headers: { 'Transfer-Encoding': 'chunked' } })],
      ['more than 1 MiB', () => new Response(new Uint8Array(2 ** 20 + 1))],
    ])('%s stays a stream: what changes before its end is stored', async (_, make) => {
      const client = await Client.loggedIn();
      let kept: AnySession | undefined;
      const answer = await client.ask((session) => {
        kept = session;
        void session['user'];
        return make();
      });
      if (kept !== undefined) kept['late'] = 1;
      await answer.text();
      expect(await client.text((session) => Response.json(session))).toBe('{"user":"ada","late":1}');
    });

    it('may lie on shared memory', async () => {
      const client = await Client.loggedIn();
      const answer = await client.ask((session) => {
        void session['user'];
        const body = new ReadableStream({
          start(controller) {
            controller.enqueue(new Uint8Array(new SharedArrayBuffer(2)).fill(65));
            controller.close();
          },
        });
        return new Response(body);
      });
      expect(await answer.text()).toBe('AA');
    });

    /** Changes the session once more while its first change is being stored. */
    async function changedMeanwhile(
      client: Client,
      before: ProbeStore['before'],
      meanwhile = (): void => {},
    ): Promise<Response> {
      const gate = new Gate();
      let writes = 0;
      client.store.before = (call) => {
        if (call.verb !== 'replace') return undefined;
        writes += 1;
        return writes === 1 ? gate.pass() : before?.(call);
      };
      let kept: AnySession | undefined;
      const answer = client.ask((session) => {
        kept = session;
        session['cart'] = 1;
        return new Response('stored');
      });
      await gate.reached;
      if (kept !== undefined) kept['late'] = 2;
      meanwhile();
      gate.open();
      return answer;
    }

    it('a change while the one before is being stored is stored before the answer leaves', async () => {
      const client = await Client.loggedIn();
      await changedMeanwhile(client, undefined);
      client.store.before = undefined;
      expect(await client.text((session) => Response.json(session))).toBe('{"user":"ada","cart":1,"late":2}');
    });

    it('also where the sessions are closed meanwhile', async () => {
      const client = await Client.loggedIn();
      let isClosed = false;
      const hook = async (): Promise<void> => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect(isClosed).toBe(false);
      };
      const close = (): void => void client.sessions.close().then(() => (isClosed = true));
      expect((await changedMeanwhile(client, hook, close)).status).toBe(200);
      await expect.poll(() => isClosed).toBe(true);
    });

    it('and is answered with 503 where that fails', async () => {
      const client = await Client.loggedIn();
      const answer = await changedMeanwhile(client, down);
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    });

    it('with the cookie of who has logged in', async () => {
      const client = await Client.loggedIn();
      let kept: AnySession | undefined;
      let writes = 0;
      client.store.before = ({ verb }) => {
        if (verb === 'create' && kept !== undefined) kept['late'] = 2;
        // The first one ends the session before the login.
        if (verb === 'replace' && (writes += 1) > 1) down();
      };
      const answer = await client.ask(async (session) => {
        kept = anySession(await session.regenerate({ owner: 'ada' }));
        return new Response('in');
      });
      client.store.before = undefined;
      expect(answer.status).toBe(503);
      expect(await client.text((session) => new Response(session.owner))).toBe('ada');
    });

    it.each([200, 204, 302])('and without a word on the cookie where a logout fails beside it (%i)', async (status) => {
      const client = await Client.loggedIn();
      let kept: AnySession | undefined;
      client.store.before = ({ verb }) => {
        if (verb === 'replace') kept?.destroy().catch(() => {});
        if (verb === 'destroy') down();
      };
      const answer = await client.ask((session) => {
        kept = session;
        session['cart'] = 1;
        return new Response(status === 200 ? 'stored' : null, { status });
      });
      client.store.before = undefined;
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([503, []]);
      expect(await client.text(user)).toBe('ada');
    });

    it('has one bound for both', async () => {
      const store = probeStore();
      const timeouts = { commitMs: 800, operationMs: 800 };
      const sessions = createSessions({ store, secret: testSecret, logger: false, env: {}, timeouts });
      const first = await sessions.handle(new Request('http://test/'), (session) => {
        anySession(session)['user'] = 'ada';
        return new Response('in');
      });
      const [cookie = ''] = first.headers.getSetCookie()[0]?.split(';') ?? [];
      let kept: AnySession | undefined;
      store.before = async ({ verb }) => {
        if (verb !== 'replace') return;
        if (kept?.['late'] === undefined) Object.assign(kept ?? {}, { late: 2 });
        await new Promise((resolve) => setTimeout(resolve, 550));
      };
      const started = performance.now();
      const answer = await sessions.handle(new Request('http://test/', { headers: { cookie } }), (session) => {
        kept = anySession(session);
        kept['cart'] = 1;
        return new Response('stored');
      });
      expect(answer.status).toBe(503);
      expect(performance.now() - started).toBeLessThan(1_090);
    });
  });

  it.each([
    [['hello', ''], 'hello'],
    [['hel', 'lo', ''], 'hello'],
    [['', 'hello'], 'hello'],
    [['hello', '!'], 'hello!'],
  ])('of an announced length %j arrives whole', async (chunks, text) => {
    const client = await Client.loggedIn();
    const answer = await client.ask((session) => {
      void session['user'];
      const body = new ReadableStream({
        async pull(controller) {
          await new Promise(setImmediate);
          const chunk = chunks.shift();
          if (chunk === undefined) controller.close();
          else controller.enqueue(new TextEncoder().encode(chunk));
        },
      });
      return new Response(body, { headers: { 'Content-Length': '5' } });
    });
    expect(await answer.text()).toBe(text);
  });

  it('lets go of an answer that another one takes the place of', async () => {
    const client = await Client.loggedIn();
    client.store.before = ({ verb }) => (verb === 'replace' ? down() : undefined);
    let isCancelled = false;
    const answer = await client.ask((session) => {
      session['cart'] = 1;
      const cancel = (): Promise<void> => {
        isCancelled = true;
        // An app's source that never stops holds no answer back.
        return new Promise(() => {});
      };
      return new Response(new ReadableStream({ cancel }));
    });
    expect([answer.status, isCancelled]).toEqual([503, true]);
  });

  it.each([
    [200, () => new Response('page')],
    [503, (session: AnySession) => new Response(String(session['user']))],
  ])('a fault is no error for whoever looks after an answer of %i', async (status, handler) => {
    const client = await Client.loggedIn();
    client.store.before = down;
    let kept: AnySession | undefined;
    const answer = await client.ask((session) => {
      kept = session;
      return handler(session);
    });
    expect([answer.status, kept?.['user']]).toEqual([status, undefined]);
  });

  it('a 503 keeps the headers of CORS, and no others', async () => {
    const client = await Client.loggedIn();
    client.store.before = ({ verb }) => (verb === 'replace' ? down() : undefined);
    const answer = await client.ask((session) => {
      session['cart'] = 1;
      return new Response('stored', { headers: { 'Access-Control-Allow-Origin': 'https://app.example', ETag: '"1"' } });
    });
    const { headers, status } = answer;
    expect([status, headers.get('access-control-allow-origin'), headers.get('etag')]).toEqual([
      503,
      'https://app.example',
      null,
    ]);
  });

  it('a fault is one for the error page of the framework, which is asked when this has thrown', async () => {
    const client = await Client.loggedIn();
    client.store.before = down;
    let kept: AnySession | undefined;
    const failed = client.ask((session) => {
      kept = session;
      throw new TypeError('a mistake');
    });
    await expect(failed).rejects.toThrow('a mistake');
    expect(() => kept?.['user']).toThrow('The store is away');
  });

  describe('once a login is stored, an answer that takes the place of the own has its cookie', () => {
    const login = async (session: AnySession): Promise<AnySession> => {
      const own = anySession(await session.regenerate({ owner: 'ada' }));
      await own.save();
      return own;
    };

    it.each<[string, number, (session: AnySession) => Promise<Response>]>([
      [
        "the app's data cannot be stored",
        500,
        async (session) => {
          const own = await login(session);
          own['big'] = 10n;
          return new Response('in');
        },
      ],
      [
        'the body was read already',
        500,
        async (session) => {
          await login(session);
          const read = new Response('in');
          await read.text();
          return read;
        },
      ],
      [
        'an error of the client is thrown while the login is being stored',
        400,
        async (session) => {
          void anySession(await session.regenerate({ owner: 'ada' })).save();
          session['__proto__'] = 1;
          return new Response('in');
        },
      ],
    ])('%s', async (_, status, handler) => {
      const client = await Client.loggedIn();
      client.store.before = ({ verb }) =>
        verb === 'create' ? new Promise((resolve) => setTimeout(resolve, 20)) : undefined;
      const answer = await client.ask(handler);
      expect([answer.status, answer.headers.getSetCookie().length]).toEqual([status, 1]);
      expect(await client.text((session) => new Response(session.owner))).toBe('ada');
    });
  });

  it('a cookie that was due, of a session that another request has rotated meanwhile, is not sent', async () => {
    const client = await Client.loggedIn();
    const { sessions, cookie = '' } = client;
    const answer = await client.ask(async (session) => {
      session.persistent = false;
      await session.save();
      const rotated = await sessions.handle(new Request('http://test/', { headers: { cookie } }), async (other) => {
        await other.rotate();
        return new Response('rotated');
      });
      expect(rotated.headers.getSetCookie()).toHaveLength(1);
      client.cookie = rotated.headers.getSetCookie()[0]?.split(';')[0];
      session['cart'] = 1;
      return new Response('stored');
    });
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([200, []]);
    expect(await client.text((session) => Response.json(session))).toBe('{"user":"ada","cart":1}');
  });
});
