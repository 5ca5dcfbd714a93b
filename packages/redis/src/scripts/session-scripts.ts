import { type Script, script } from './script.ts';

/** Whoever watches the session is told. pcall: a user without the right to publish ends sessions all the same. */
const publishEnd = "redis.pcall('PUBLISH', ARGV[4], key)";

/**
 * ARGV: how the session must begin, its time to live in ms, whether that is set last ('1'); all bytes, or places and bytes.
 *
 * Answers 1, or what stands there now. GETEX changes nothing, but counts as a write, so only a master answers it. Redis
 * checks its memory at the first write of a script alone: for what does not grow that is the expiry, which needs none.
 */
export const replaceScript: Script = script(`
local key, isExpiryLast = KEYS[1], ARGV[3] == '1'
if redis.call('GETRANGE', key, 0, #ARGV[1] - 1) ~= ARGV[1] then return redis.call('GETEX', key) end
if not isExpiryLast then redis.call('PEXPIRE', key, ARGV[2]) end
if #ARGV == 4 then redis.call('SET', key, ARGV[4], 'KEEPTTL') end
for i = 4, #ARGV - 1, 2 do redis.call('SETRANGE', key, ARGV[i], ARGV[i + 1]) end
if isExpiryLast then redis.call('PEXPIRE', key, ARGV[2]) end
return 1
`);

/**
 * ARGV: how the session must begin, the end marker that takes its place, how long that stands in ms, the channel.
 *
 * Answers 1, or what stands there now. An end marker is shorter than a session, but Redis out of memory does not know
 * that: so the first write is one that it does not refuse.
 */
export const succeedScript: Script = script(`
local key = KEYS[1]
if redis.call('GETRANGE', key, 0, #ARGV[1] - 1) ~= ARGV[1] then return redis.call('GETEX', key) end
redis.call('PEXPIRE', key, ARGV[3])
if ARGV[3] ~= '0' then redis.call('SET', key, ARGV[2], 'KEEPTTL') end
${publishEnd}
return 1
`);

/**
 * ARGV: how a session under this key begins, the end marker to leave or '', how long that stands in ms, the channel.
 *
 * Answers a list with what it has removed; or, not in a list, what stands there and stays: an end marker, or a value that
 * is not a whole session (its texts do not have as many bytes as its first line says).
 */
export const destroyScript: Script = script(`
local key, found = KEYS[1], redis.call('GET', KEYS[1])
if found then
  local bytes, texts = string.match(found, '^1 %x+ %S+ (%d+) %[[^\\n]*\\n()')
  if string.sub(found, 1, #ARGV[1]) ~= ARGV[1] or not bytes or #found - texts + 1 ~= tonumber(bytes) then
    return redis.call('GETEX', key)
  end
end
redis.call('DEL', key)
-- pcall: the session ends also when Redis is out of memory.
if ARGV[2] ~= '' then redis.pcall('SET', key, ARGV[2], 'PX', ARGV[3]) end
if found then
  ${publishEnd}
end
return { found }
`);
