import { type Script, script } from './script.ts';

/**
 * KEYS: an owner's sorted set. ARGV: session key, minutes to keep the entry.
 *
 * It is never kept for less than before: its session may have been given a longer life meanwhile.
 */
export const indexScript: Script = script(`
local seconds = tonumber(redis.call('TIME')[1])
local minutes = tonumber(ARGV[2])
local score = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or nil)
if score then minutes = math.max(minutes, math.ceil((math.floor(score / 1048576) - seconds) / 60)) end
minutes = math.min(minutes, 1048575)
redis.call('ZADD', KEYS[1], string.format('%.0f', (seconds + 60 * minutes) * 1048576 + minutes), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', seconds * 1048576))
if redis.call('PTTL', KEYS[1]) < minutes * 60000 then redis.call('PEXPIRE', KEYS[1], minutes * 60000) end
return 1
`);

/** KEYS: an owner's sorted set. ARGV: session keys whose entries go, unless they are younger than a minute. */
export const forgetScript: Script = script(`
local seconds = tonumber(redis.call('TIME')[1])
for i = 1, #ARGV do
  local score = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or nil)
  if score then
    local writtenAt = math.floor(score / 1048576) - 60 * (score % 1048576)
    if seconds - writtenAt > 60 then redis.call('ZREM', KEYS[1], ARGV[i]) end
  end
end
return 1
`);
