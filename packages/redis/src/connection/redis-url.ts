import { SessError } from '@sess/core';

/** A host and port, as in a URL. */
export interface HostPort {
  host: string;
  port: number;
}

/** What a URL says: which servers, how they belong together, and who we are to them. */
export interface RedisAddress {
  topology: 'single' | 'sentinel' | 'cluster';
  hosts: HostPort[];
  isTls: boolean;
  db: number;
  username?: string;
  password?: string;
  /** Sentinel: the name that it knows the master by. */
  masterName?: string;
  sentinelUsername?: string;
  sentinelPassword?: string;
}

const forms =
  'redis://[user:password@]host:port/db, rediss:// (TLS), ' +
  'redis+sentinel://[user:password@]host:port,host:port/master-name/db or redis+cluster://[user:password@]host:port,host:port';

const encoding = ' In user and password say / as %2F, # as %23, ? as %3F and % as %25 (encodeURIComponent).';

const shape = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/([^/?#]*)(\/[^?#]*)?(\?[^#]*)?$/;

/**
 * Reads a URL. Lists of hosts are why this is not `new URL()`.
 *
 * @throws `CONFIG_INVALID`, without the URL in its message: it may hold a password.
 */
export function parseRedisUrl(url: string): RedisAddress {
  const match = shape.exec(url.trim());
  if (/^["']/.test(url.trim())) throw invalid('begins with a quotation mark: leave the marks out.');
  if (match === null) throw invalid(`is not one of ${forms}.${encoding}`);
  const [, scheme, kind, authority = '', path = '', query = ''] = match;
  const topology = kind === 'sentinel' || kind === 'cluster' ? kind : 'single';
  const isTls = scheme === 'rediss';

  // The last @: a password may hold one that is not encoded.
  const at = authority.lastIndexOf('@');
  const hosts = hostsOf(authority.slice(at + 1), topology === 'sentinel' ? 26379 : 6379);
  if (topology === 'single' && hosts.length > 1) {
    throw invalid('names several hosts: say redis+sentinel:// or redis+cluster://.');
  }
  return {
    topology,
    hosts,
    isTls,
    ...credentialsOf(at < 0 ? undefined : authority.slice(0, at)),
    ...placeOf(topology, path),
    ...parametersOf(topology, query),
  };
}

function hostsOf(list: string, defaultPort: number): HostPort[] {
  return list.split(',').map((text) => {
    const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+)(?::(\d+))?$/.exec(text);
    const [, host, digits] = match ?? [];
    const port = digits === undefined ? defaultPort : Number(digits);
    if (host === undefined || port < 1 || port > 65_535) throw invalid('has no valid host and port.');
    return { host: host.replace(/^\[|\]$/g, ''), port };
  });
}

function credentialsOf(text: string | undefined): Pick<RedisAddress, 'username' | 'password'> {
  if (text === undefined) return {};
  const colon = text.indexOf(':');
  const username = decoded(colon < 0 ? text : text.slice(0, colon));
  const password = colon < 0 ? '' : decoded(text.slice(colon + 1));
  return { ...(username !== '' && { username }), ...(password !== '' && { password }) };
}

function placeOf(topology: RedisAddress['topology'], path: string): Pick<RedisAddress, 'db' | 'masterName'> {
  const parts = path.split('/').slice(1).map(decoded);
  if (parts.at(-1) === '') parts.pop();
  const masterName = topology === 'sentinel' ? parts.shift() : undefined;
  if (topology === 'sentinel' && !masterName) throw invalid("lacks the master's name: redis+sentinel://host/name.");
  const [number = '0', ...rest] = parts;
  if (!/^\d{1,5}$/.test(number) || rest.length > 0)
    throw invalid(`has a path that is not a database number.${path.includes('@') ? encoding : ''}`);
  const db = Number(number);
  if (topology === 'cluster' && db !== 0) throw invalid('asks for a database number: a cluster has only 0.');
  return { db, ...(masterName !== undefined && { masterName }) };
}

function parametersOf(
  topology: RedisAddress['topology'],
  query: string,
): Pick<RedisAddress, 'sentinelUsername' | 'sentinelPassword'> {
  const found: Pick<RedisAddress, 'sentinelUsername' | 'sentinelPassword'> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const isKnown = name === 'sentinelUsername' || name === 'sentinelPassword';
    // Its name is not shown: after a ? that is not encoded it is a part of the password.
    if (topology !== 'sentinel' || !isKnown)
      throw invalid(
        `has a parameter that is not known. There are sentinelUsername and sentinelPassword, for Sentinel only.${encoding}`,
      );
    found[name] = value;
  }
  return found;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`is not properly percent-encoded.${encoding}`);
  }
}

function invalid(what: string): SessError {
  return new SessError('CONFIG_INVALID', `redisStore option "url" ${what}`);
}
