import { type Script, script } from './script.ts';
import { common, punctual } from './script-prelude.ts';

/** The server's clock, in ms. The key only leads to the right server. */
export const clockScript: Script = script(`
local time = redis.call('TIME')
return string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
`);

/**
 * ARGV: token, identity, latest time, age in ms if it is sent again, time to live in ms; the record.
 *
 * Answers `created`, `taken`, `corrupt`, `newer` or `late`, and the time.
 */
export const createScript: Script = script(
  common,
  punctual,
  `
local ttl = tonumber(words)
local state, own = look()
if state == 'corrupt' or state == 'newer' then return say(state) end
if state ~= 'absent' then
  prove()
  -- Our own write, sent again because its answer was lost.
  return say(state == 'live' and holds(own.tokens) and 'created' or 'taken')
end
if isLate() then return say('late') end
if ttl > 0 then redis.call('SET', key, ARGV[2], 'PX', ttl) end
return say('created')
`,
);

/**
 * ARGV: token, identity, lifetime of the end marker in ms or 0, whether something must be written in any case ('1').
 * (No latest time: a late end is still an end.)
 *
 * Answers `nothing`, `replayed`, `corrupt` or `newer`, and the time; as a list with the record `removed`.
 */
export const destroyScript: Script = script(
  common,
  `
local markerMs, mustWrite = string.match(rest, '^(%S+) (%S+)$')
markerMs, mustWrite = tonumber(markerMs), mustWrite == '1'
-- All of it: what is handed back and cannot be read should not have been deleted.
local state, own = look(true)
if state == 'corrupt' or state == 'newer' then return say(state) end
if state == 'ended' then
  if own.x == token then return say('replayed') end
  prove()
  if markerMs > redis.call('PTTL', key) then redis.call('PEXPIRE', key, markerMs) end
else
  redis.call('DEL', key)
  if markerMs > 0 then
    -- pcall: out of memory the session ends all the same.
    redis.pcall('SET', key, '1 ' .. identity .. ' - ' .. token, 'PX', markerMs)
  end
  if state == 'live' then return { say('removed'), chunk } end
end
if mustWrite then
  -- Something for WAIT to wait for: an earlier destroy, not confirmed then, is confirmed with it.
  if state == 'ended' then
    redis.call('PEXPIRE', key, math.max(redis.call('PTTL', key), 1))
  elseif markerMs <= 0 then
    redis.pcall('SET', key, '-', 'PX', 1000)
    redis.call('DEL', key)
  end
end
return say('nothing')
`,
);
