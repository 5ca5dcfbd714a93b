import {
  type DestroyOptions,
  SessError,
  type SessionChange,
  type SessionKey,
  type SessionRecord,
  type SessionStore,
  type UpdateVerdict,
} from '@sess/core';
import type { Link } from './link.ts';
import { type OwnerIndex, indexPeriodMs } from './owner-index.ts';
import { isCluster } from './redis-client.ts';
import { insideMulti, queued, wasNotSent } from './redis-errors.ts';
import type { ReplicatedWrites } from './replicated-writes.ts';
import type { Script } from './script.ts';
import { changeArguments } from './session-change.ts';
import { sessionReader } from './read-session.ts';
import { corrupt, decodeRecord, decodeText, encodeRecord, identityOf, tooNew } from './session-record.ts';
import { clockScript, createScript, destroyScript } from './session-scripts.ts';
import { updateScript } from './update-script.ts';
import type { WholeOperations } from './whole-operations.ts';
import { type Write, WriteTokens } from './write-tokens.ts';

interface Parts {
  main: Link;
  /** Where creates and destroys go that replicas must confirm. */
  durable?: { link: Link; writes: ReplicatedWrites };
  prefix: string;
  index: OwnerIndex;
  timeoutMs: number;
  whole: WholeOperations;
}

/** The four verbs: a read is one command, a write one script. */
export function sessionVerbs({ main, durable, prefix, index, timeoutMs, whole }: Parts): SessionStore {
  const tokens = new WriteTokens(timeoutMs, main);
  const nameOf = (key: SessionKey) => prefix + key;

  function begin(key: SessionKey): Write {
    whole.assertOpen();
    const write = tokens.begin(key);
    whole.begin();
    return write;
  }

  function end(write: Write): void {
    tokens.end(write);
    whole.end();
  }

  /** Runs a script on a session, once more if it was late by a clock that we did not know or by a stall. */
  function evaluate(link: Link, script: Script, write: Write, words: string, list: readonly string[]): Promise<Reply> {
    const { key } = write;
    const isTimed = script !== destroyScript;
    const send = (): Promise<Reply> => {
      const sentAt = performance.now();
      const ageMs = tokens.sent(write, sentAt);
      const timed = isTimed ? `${tokens.latest(write)} ${ageMs} ` : '';
      const first = `${write.token} ${identityOf(key)} ${timed}${words}`;
      return link.evaluate(script, nameOf(key), [first, ...list]).then(
        (reply) => read(reply, sentAt),
        (error: unknown) => {
          if (wasNotSent(error)) tokens.answered(write);
          throw error;
        },
      );
    };
    const read = (reply: unknown, sentAt: number): Reply => {
      if (reply === queued) throw insideMulti(link.where());
      const { verdict, serverNow, found } = replyOf(reply);
      tokens.answered(write);
      tokens.learn(Number(serverNow), sentAt);
      if (verdict === 'corrupt') throw corrupt(key);
      if (verdict === 'newer') throw tooNew(key);
      if (verdict === 'unknown') throw forgotten();
      return { verdict, found };
    };
    const sendInTime = (): Promise<Reply> =>
      send().then((answer) => {
        // What nobody waits for is not sent again: its caller was told that it failed.
        if (answer.verdict !== 'late' || write.isOver) return inTime(answer);
        tokens.postpone(write);
        return send().then(inTime);
      });
    if (!isTimed) return send();
    return tokens.knowsClock ? sendInTime() : learnClock(link, key).then(sendInTime);
  }

  /** A write that was not dated could be done at any time, so before the first one of a process the clock is asked for. */
  async function learnClock(link: Link, key: SessionKey): Promise<void> {
    const sentAt = performance.now();
    const answer = await link.evaluate(clockScript, nameOf(key), []);
    if (answer === queued) throw insideMulti(link.where());
    tokens.learn(Number(answer), sentAt);
  }

  async function create(key: SessionKey, record: SessionRecord): Promise<boolean> {
    const write = begin(key);
    try {
      const timeToLiveMs = timeLeft(record);
      const stored = encodeRecord(key, record, write.token);
      const { owner } = record;
      const isSpread = isCluster(main.client);
      if (owner !== undefined && (isSpread || durable)) await index.add(owner, key, timeToLiveMs, write.begunAt);

      const store = (link: Link) => evaluate(link, createScript, write, String(timeToLiveMs), [stored]);
      const storeBoth = async () => {
        // One round trip: on one connection the entry is there before the session is.
        const entry = index.send(owner ?? '', key, timeToLiveMs);
        const [entered, created] = await Promise.allSettled([entry, store(main)]);
        if (created.status === 'rejected') throw created.reason;
        if (entered.status === 'fulfilled') return created.value;
        // A session that is missing from its index must not stay. Nobody has its token yet.
        if (created.value.verdict === 'created') await evaluate(main, destroyScript, write, '0 0', []);
        throw entered.reason;
      };

      const what = 'a create';
      const { verdict } = durable
        ? await durable.writes.write(what, write.begunAt, () => store(durable.link))
        : await main.run({
            what,
            isRepeatable: true,
            since: write.begunAt,
            send: owner === undefined || isSpread ? () => store(main) : storeBoth,
          });
      return verdict === 'created';
    } finally {
      end(write);
    }
  }

  async function update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    const write = begin(key);
    try {
      const timeToLiveMs = timeLeft(change);
      if (typeof change.owner === 'string') await index.add(change.owner, key, timeToLiveMs, write.begunAt);
      const { touchedAt, expiresAt } = change;
      const words = `${touchedAt} ${expiresAt} ${timeToLiveMs} ${write.isAlone ? 1 : 0} ${indexPeriodMs(timeToLiveMs)}`;
      const list = changeArguments(change);
      const { verdict, found } = await main.run({
        what: 'an update',
        isRepeatable: true,
        since: write.begunAt,
        send: () => evaluate(main, updateScript, write, words, list),
      });
      // Once in a while a session that stays in use renews its entry. There is time: nobody waits for it.
      if (typeof found === 'string') index.add(decodeText(found), key, timeToLiveMs).catch(() => {});
      return verdict === 'applied' || verdict === 'gone' ? verdict : 'conflict';
    } finally {
      end(write);
    }
  }

  async function destroy(
    key: SessionKey,
    { endMarkerMs = 0 }: DestroyOptions = {},
  ): Promise<SessionRecord | undefined> {
    const write = begin(key);
    try {
      const words = `${wholeMs(endMarkerMs)} ${durable ? 1 : 0}`;
      const what = 'a destroy';
      const { verdict, found } = durable
        ? await durable.writes.write(what, write.begunAt, () => evaluate(durable.link, destroyScript, write, words, []))
        : await main.run({
            what,
            // The end marker tells a destroy that was sent twice. Without one, "nothing there" could be our own doing.
            isRepeatable: endMarkerMs > 0,
            send: () => evaluate(main, destroyScript, write, words, []),
          });
      if (verdict === 'removed') return removedRecord(key, found);
      // Without an end marker, what ioredis sent again by itself finds nothing when the first copy ended the session.
      const { lostAt } = durable?.link ?? main;
      const isDoubtful = verdict === 'nothing' && endMarkerMs <= 0 && lostAt >= write.sentAt;
      if (verdict === 'replayed' || isDoubtful) throw answerLost();
      return undefined;
    } finally {
      end(write);
    }
  }

  return { create, read: sessionReader(main, prefix), update, destroy };
}

interface Reply {
  verdict: string;
  found: unknown;
}

/** `applied 1767225600000`, or a list of that and what was found. */
function replyOf(reply: unknown): Reply & { serverNow: string } {
  const [text, found]: unknown[] = Array.isArray(reply) ? reply : [reply];
  const space = typeof text === 'string' ? text.indexOf(' ') : -1;
  if (typeof text !== 'string' || space === -1)
    throw new SessError('STORE_UNAVAILABLE', 'Redis answered a script with something else.');
  return { verdict: text.slice(0, space), serverNow: text.slice(space + 1), found };
}

function inTime(answer: Reply): Reply {
  if (answer.verdict !== 'late') return answer;
  throw new SessError('STORE_TIMEOUT', 'The write reached Redis too late and was not carried out.');
}

/** The time to live: a difference, so that only the server's clock decides when it is over. */
function timeLeft({ touchedAt, expiresAt }: Pick<SessionRecord, 'touchedAt' | 'expiresAt'>): number {
  return wholeMs(expiresAt - touchedAt);
}

/** What PEXPIRE takes: whole, and below its limit. */
function wholeMs(ms: number): number {
  return Math.max(0, Math.min(Math.ceil(ms), 1e14));
}

function forgotten(): SessError {
  return new SessError(
    'STORE_UNAVAILABLE',
    'The connection to Redis was lost during a write, and it is not known whether that was carried out: too many others have written to the session since.',
  );
}

/** What a script takes for whole may still be torn: bytes that are no UTF-8, say. It is gone then all the same. */
function removedRecord(key: SessionKey, found: unknown): SessionRecord {
  let cause: unknown;
  try {
    const record = typeof found === 'string' ? decodeRecord(key, found) : undefined;
    if (record !== undefined && record !== 'ended') return record;
  } catch (error) {
    cause = error;
  }
  throw new SessError('STORE_CORRUPT', `The session ${key} was destroyed; what it held was torn.`, { cause });
}

function answerLost(): SessError {
  return new SessError(
    'STORE_UNAVAILABLE',
    'The session is not there any more, but the connection was lost before Redis could hand back what it held.',
  );
}
