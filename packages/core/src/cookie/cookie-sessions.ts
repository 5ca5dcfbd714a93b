import type { Carrier, Claim } from './claim.ts';
import { type CookieFrame, sessionCookie } from './cookie-line.ts';
import { decryptText, encryptText } from './encryption.ts';
import { createKeyring, deriveKey } from './keyring.ts';
import { OneRecordStore } from './one-record-store.ts';
import { SessError } from '../errors.ts';
import { assertKnownOptions } from '../known-options.ts';
import type { SessionKey, SessionRecord } from '../store.ts';
import { RepeatedValues } from './repeated-values.ts';
import { isSessionKey, keyOf, mintToken } from './token.ts';
import { VerifiedValues } from './verified-values.ts';

/** Options of {@link cookieSessions}. */
export interface CookieSessionsOptions {
  /** Encrypt the cookie (AES-256-GCM), so that the browser's user cannot read the session. @default false */
  encrypt?: boolean;
}

/** Chooses sessions that live in the cookie itself; pass it as the `store` option. */
export interface CookieSessions {
  /** What tells it from a store. */
  readonly kind: 'cookie';
  /** Whether the cookie is encrypted, beside being signed. */
  readonly encrypt: boolean;
}

/**
 * Sessions in a signed cookie of at most 4096 bytes, without storage: what is chosen under a test
 * runner. A logout clears the cookie but cannot end a copy of it, parallel requests overwrite each
 * other, and `list` and `revoke` throw `UNSUPPORTED`.
 */
export function cookieSessions(options: CookieSessionsOptions = {}): CookieSessions {
  assertKnownOptions('cookieSessions()', options, ['encrypt']);
  if (options.encrypt !== undefined && typeof options.encrypt !== 'boolean')
    throw new SessError('CONFIG_INVALID', 'cookieSessions({ encrypt }) is true or false.');
  return { kind: 'cookie', encrypt: options.encrypt ?? false };
}

/** What is in the cookie: a format version, the key, the record. */
type Payload = [version: 1, key: SessionKey, record: SessionRecord];

/** What a cookie value of ours holds. Many requests may share it: nobody changes a record in place. */
interface CookieSession {
  readonly key: SessionKey;
  readonly record: SessionRecord;
}

export function cookieCarrier(secrets: readonly [string, ...string[]], encrypt: boolean, frame: CookieFrame): Carrier {
  const { name } = frame.cookie;
  const keyring = createKeyring(secrets, name, encrypt ? 'encrypted-session' : 'session');
  const keys = encrypt ? secrets.map((secret) => deriveKey(secret, name, 'encryption')) : undefined;

  function valueFor(key: SessionKey, record: SessionRecord): string {
    const payload: Payload = [1, key, record];
    const text = JSON.stringify(payload);
    const bytes = keys?.[0] === undefined ? Buffer.from(text) : encryptText(text, keys[0]);
    return keyring.sign(bytes.toString('base64url'));
  }

  function claimOf(key: SessionKey, record?: SessionRecord): Claim {
    // Made when a record is taken, to see whether it fits, and sent with the answer.
    let made: { record: SessionRecord; value: string } | undefined;
    const valueOf = (of: SessionRecord): string => {
      if (made?.record !== of) made = { record: of, value: valueFor(key, of) };
      return made.value;
    };
    const store = new OneRecordStore(frame.clock, record, (next) => void sessionCookie(frame, next, valueOf(next)));
    return {
      key,
      store,
      atHand: store,
      isSuccessor: false,
      cookieValue() {
        if (store.lastRecord === undefined) throw new Error('a cookie for a session without a record');
        return valueOf(store.lastRecord);
      },
    };
  }

  function sessionIn(value: string): CookieSession | undefined {
    const signed = keyring.verify(value);
    if (signed === false) return undefined;
    const bytes = Buffer.from(signed, 'base64url');
    const text = keys === undefined ? bytes.toString() : decryptText(bytes, keys);
    const payload = text === undefined ? undefined : parsePayload(text);
    if (payload === undefined) return undefined;
    const [, key, record] = payload;
    return { key, record };
  }

  const verified = new VerifiedValues<CookieSession>();
  const repeated = new RepeatedValues();

  return {
    holdsSession: true,
    boundMs: 0,
    verify(value) {
      let session = verified.get(value);
      if (session === undefined) {
        session = sessionIn(value);
        if (session === undefined) return undefined;
        if (repeated.isRepeated(value)) verified.keep(value, session);
      }
      return claimOf(session.key, session.record);
    },
    mint: () => claimOf(keyOf(mintToken())),
  };
}

/** The signature was ours, so a wrong shape is another version's: it counts as no session. */
function parsePayload(text: string): Payload | undefined {
  let payload: unknown;
  try {
    payload = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isPayload(payload) ? payload : undefined;
}

function isPayload(payload: unknown): payload is Payload {
  if (!Array.isArray(payload) || payload[0] !== 1 || typeof payload[1] !== 'string' || !isSessionKey(payload[1]))
    return false;
  const record: unknown = payload[2];
  if (typeof record !== 'object' || record === null) return false;
  const fields: unknown = Reflect.get(record, 'fields');
  const isNumber = (name: string): boolean => Number.isFinite(Reflect.get(record, name));
  return (
    typeof fields === 'object' &&
    fields !== null &&
    isNumber('createdAt') &&
    isNumber('touchedAt') &&
    isNumber('expiresAt')
  );
}
