import type { NotesApps } from '@sess/core';
import type { Link } from './connection/link.ts';
import { script } from './scripts/script.ts';

/** KEYS: the sorted set of apps. ARGV: name, time to keep it in ms. A score is the time at which the note is over. */
const noteScript = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local keepMs = tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], string.format('%.0f', now + keepMs), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now))
if redis.call('PTTL', KEYS[1]) < keepMs then redis.call('PEXPIRE', KEYS[1], string.format('%.0f', keepMs)) end
return 1
`);

const listScript = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call('ZRANGE', KEYS[1], string.format('(%.0f', now), '+inf', 'BYSCORE')
`);

/** Which apps keep sessions under a prefix: the sorted set `session:apps`. */
export function notedApps(link: Link, prefix: string): NotesApps {
  const name = `${prefix}apps`;
  const what = 'a note of the app';
  return {
    async noteApp(app, keepMs) {
      const send = () => link.evaluate(noteScript, name, [app, String(Math.min(Math.ceil(keepMs), 1e14))]);
      await link.run({ what, by: link.soon(), isRepeatable: true, send });
    },
    async notedApps() {
      const found = await link.run({
        what,
        by: link.soon(),
        isRepeatable: true,
        send: () => link.evaluate(listScript, name, []),
      });
      return Array.isArray(found) ? found.map(String) : [];
    },
  };
}
