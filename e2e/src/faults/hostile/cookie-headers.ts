import { createSessions, memoryStore } from '@sess/core';
import fc from 'fast-check';
import { type HostileRow, almost, tryInputs } from './hostile-row.ts';

const secret = 'a secret for hostile input, of 32 bytes or more';

/** A header may cost this much, however it looks. */
const longestMs = 5;

/** A longer one than node:http lets in by default is cut off. */
const longestHeader = 16_384;

async function cookieOf(cookie: { name: string }, store = memoryStore()): Promise<string> {
  const sessions = createSessions({ store, secret, cookie, logger: false, env: {} });
  const session = await sessions.open(undefined);
  Object.assign(session, { user: 'ada' });
  const { setCookie } = await sessions.commit(session);
  return String(setCookie).split(';')[0]?.split('=')[1] ?? '';
}

/** `Cookie` headers: only a value that was signed for this cookie reaches the store, and only the whole value. */
export async function hostileCookies(cases: number, seed: number): Promise<HostileRow> {
  const store = memoryStore();
  let reads = 0;
  const counted = { ...store, read: (...call: Parameters<typeof store.read>) => ((reads += 1), store.read(...call)) };
  const sessions = createSessions({ store: counted, secret, cookie: { name: 'sid' }, logger: false, env: {} });
  const valid = await cookieOf({ name: 'sid' }, store);
  const ofAnother = await cookieOf({ name: 'other' });

  const open = async (header: string): Promise<string[]> => Object.keys(await sessions.open(header));
  return tryInputs('Cookie headers', { arbitrary: headers(valid, ofAnother), cases, seed }, async (header, watch) => {
    const readsBefore = reads;
    let startedAt = performance.now();
    const keys = await open(header);
    let tookMs = performance.now() - startedAt;
    const isRead = reads > readsBefore;
    // The machine may have done something else meanwhile, though not every time.
    for (let again = 0; again < 20 && tookMs > longestMs; again += 1) {
      startedAt = performance.now();
      await open(header);
      tookMs = performance.now() - startedAt;
    }
    if (tookMs > longestMs) throw new Error(`It took ${tookMs.toFixed(1)} ms.`);
    const isKnown = isNamed(header, valid);
    if (isRead && !isKnown) throw new Error('The store was asked before a signature held.');
    if (keys.length > 0 && !isKnown) throw new Error(`It was taken for a session with ${keys.join()}.`);
    if (keys.length === 0 && isKnown && header.length <= longestHeader)
      throw new Error('A valid cookie was not found.');
    watch.saw(keys.length > 0 ? 'known' : 'nobody', tookMs);
  });
}

/** By the letter of RFC 6265: pairs between semicolons, whose names are trimmed of spaces and tabs and of nothing else. */
function isNamed(header: string, valid: string): boolean {
  return header
    .split(';')
    .some((pair) => pair.replace(/^[ \t]+|[ \t]+$/g, '').replace(/[ \t]*=[ \t]*/, '=') === `sid=${valid}`);
}

function headers(valid: string, ofAnother: string): fc.Arbitrary<string> {
  const names = ['sid', 'SID', ' sid', '\u00a0sid', 's%69d', '__proto__', 'constructor', '', 'other', '$Version'];
  const value = fc.oneof(
    { weight: 4, arbitrary: almost(Buffer.from(valid)).map((bytes) => bytes.toString('latin1')) },
    fc.constantFrom(valid, `"${valid}"`, ofAnother, valid.toUpperCase(), encodeURIComponent(valid), `${valid}=`, ''),
    fc.string({ maxLength: 100 }),
    fc.string({ unit: 'binary', maxLength: 60 }),
  );
  const pair = fc
    .tuple(fc.oneof(fc.constantFrom(...names), fc.string({ maxLength: 10 })), value)
    .map((parts) => parts.join('='));
  const parts = fc.array(fc.oneof({ weight: 4, arbitrary: pair }, fc.string({ maxLength: 20 })), { maxLength: 12 });
  const some = fc
    .tuple(parts, fc.constantFrom('; ', ';', ';;', ', ', '\t;'))
    .map(([all, between]) => all.join(between));
  const many = fc.tuple(pair, fc.integer({ min: 50, max: 2_000 })).map(([one, times]) => `${one}; `.repeat(times));
  return fc.oneof({ weight: 500, arbitrary: some }, { weight: 1, arbitrary: many });
}
