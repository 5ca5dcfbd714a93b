import type { DebugReport, Finding } from '@sess/core';
import { duration } from '../quantities.ts';
import { type Answer, ask, shownUrl, skewMs, whyNot } from './ask.ts';

type Cookie = DebugReport['cookie'];

/** Visits the app as a browser that comes for the first time, twice. */
export async function visit(address: URL, cookie: Cookie | undefined): Promise<Finding[]> {
  try {
    const { url, answer } = await land(address);
    const again = await ask(url);
    return [
      ...statusFindings(url, answer),
      ...(cookie === undefined ? [] : schemeFindings(url, cookie)),
      ...(cookie === undefined ? [] : cookieFindings(url, cookie, answer, again)),
      ...clockFindings(answer),
    ];
  } catch (error) {
    return [
      {
        code: 'URL_UNREACHABLE',
        severity: 'error',
        text: `${shownUrl(address)} gives no answer: ${whyNot(error)}.`,
        fix: 'Correct --url, or look at what stands before the app.',
      },
    ];
  }
}

/** Where redirects on the same host lead: from http to https, from / to /home. */
async function land(address: URL): Promise<{ url: URL; answer: Answer }> {
  let url = address;
  let answer = await ask(url);
  for (let hops = 0; hops < 5 && answer.status >= 300 && answer.status < 400; hops += 1) {
    const target = answer.headers.location;
    if (target === undefined) break;
    const next = new URL(target, url);
    // What the app stored before it redirected is in this answer: it is what we came for.
    if (next.hostname !== url.hostname || !/^https?:$/.test(next.protocol) || answer.setCookies.length > 0) break;
    url = next;
    answer = await ask(url);
  }
  return { url, answer };
}

function* statusFindings(url: URL, { status }: Answer): Generator<Finding> {
  if (status < 500) return;
  yield {
    code: 'URL_FAILS',
    severity: 'error',
    text: `${shownUrl(url)} answers ${status}.`,
    fix: "Look into the app's log; 503 with Retry-After is what sessions answer when their storage is down.",
  };
}

function* schemeFindings(url: URL, cookie: Cookie): Generator<Finding> {
  const isLocal = /^(localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'http:' && cookie.secure && isLocal) {
    yield {
      code: 'COOKIE_OVER_HTTP',
      severity: 'note',
      text: `The cookie ${cookie.name} is Secure and ${shownUrl(url)} is plain http of this machine itself, where curl keeps such a cookie, and Chromium at localhost; at any other address browsers drop it. That it works here proves nothing.`,
      fix: 'Try it at the address that users have, over TLS.',
    };
  }
  if (url.protocol === 'http:' && cookie.secure && !isLocal) {
    yield {
      code: 'COOKIE_OVER_HTTP',
      severity: 'error',
      text: `The cookie ${cookie.name} is Secure and ${shownUrl(url)} is plain http: browsers drop it, and every request begins a new session.`,
      fix: 'Serve the app over TLS, by itself or by a proxy; no proxy header has to be trusted for it.',
    };
  }
  if (url.protocol === 'https:' && !cookie.secure) {
    yield {
      code: 'COOKIE_NOT_SECURE',
      severity: 'warning',
      text: `${url.host} is served over TLS and the cookie ${cookie.name} is not Secure: one request over plain http gives it away.`,
      fix: 'Set NODE_ENV=production, or cookie: { secure: true }.',
    };
  }
}

interface SeenCookie {
  value: string;
  attributes: Map<string, string>;
  answer: Answer;
}

function seen(answer: Answer, name: string): SeenCookie | undefined {
  for (const line of answer.setCookies) {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    if (!pair.startsWith(`${name}=`)) continue;
    const parts = attributes.map((part): [string, string] => {
      const [key = '', value = ''] = part.split('=', 2);
      return [key.toLowerCase(), value];
    });
    return { value: pair.slice(name.length + 1), attributes: new Map(parts), answer };
  }
  return undefined;
}

/** The other cookies, by their names: one may be that of the app, which runs with another environment. */
function othersIn({ setCookies }: Answer): string {
  const names = new Set(setCookies.flatMap((line) => /^\s*([^=;\s]{1,64})=/.exec(line)?.[1] ?? []));
  return names.size === 0 ? '' : ` (but ${[...names].slice(0, 5).join(', ')})`;
}

/** What came is compared with what the app sends: between the two stand proxies, which rewrite and cache. */
function* cookieFindings(url: URL, cookie: Cookie, first: Answer, second: Answer): Generator<Finding> {
  const found = seen(first, cookie.name);
  if (found === undefined) {
    yield {
      code: 'COOKIE_UNSEEN',
      severity: 'note',
      text: `The answer of ${shownUrl(url)} sets no cookie ${cookie.name}${othersIn(first)}, so its way through proxies was not looked at.`,
      fix: 'Name a page that begins a session, and run this with the environment of the app.',
    };
    return;
  }
  const changed = differences(cookie, found.attributes);
  if (changed.length > 0) {
    yield {
      code: 'COOKIE_CHANGED',
      severity: 'error',
      text: `The cookie ${cookie.name} arrives otherwise than this configuration sends it: ${changed.join(', ')}.`,
      fix: 'Look for a proxy that rewrites cookies (proxy_cookie_path, proxy_cookie_flags), or for other options in the app.',
    };
  }
  if (seen(second, cookie.name)?.value === found.value) {
    yield {
      code: 'COOKIE_SHARED',
      severity: 'error',
      text: `Two visitors got the same ${cookie.name} from ${shownUrl(url)}: a cache gives one visitor's session to others.`,
      fix: 'Keep answers with Set-Cookie out of every shared cache.',
    };
  } else if (!/\b(no-store|private)\b/i.test(first.headers['cache-control'] ?? '')) {
    yield {
      code: 'COOKIE_CACHEABLE',
      severity: 'error',
      text: `The answer that sets ${cookie.name} arrives without Cache-Control: private, no-store, which the app sends with it.`,
      fix: 'Look for a proxy that removes or replaces Cache-Control.',
    };
  }
}

function differences(cookie: Cookie, attributes: ReadonlyMap<string, string>): string[] {
  const changed: string[] = [];
  for (const [flag, is] of [
    ['secure', cookie.secure],
    ['httponly', true],
    ['partitioned', cookie.partitioned],
  ] as const)
    if (attributes.has(flag) !== is) changed.push(is ? `${flag} is missing` : `${flag} was added`);
  const texts = { path: cookie.path, domain: cookie.domain, samesite: cookie.sameSite };
  for (const [name, wanted] of Object.entries(texts)) {
    const got = attributes.get(name);
    if (got?.toLowerCase() !== wanted?.toLowerCase())
      changed.push(`${name} is ${got ?? 'missing'}${wanted === undefined ? '' : `, not ${wanted}`}`);
  }
  return changed;
}

function* clockFindings(answer: Answer): Generator<Finding> {
  // What a cache kept has the date of then.
  if (answer.headers.age !== undefined) return;
  const off = skewMs(Date.parse(answer.headers.date ?? ''), answer);
  if (off === 0) return;
  yield {
    code: 'CLOCK_SKEW',
    severity: 'warning',
    text: `The clock of the server is ${duration(Math.abs(off))} ${off > 0 ? 'ahead of' : 'behind'} this machine's.`,
    fix: 'Let both follow a time server (NTP): the absolute timeout is judged by the clock of the worker.',
  };
}
