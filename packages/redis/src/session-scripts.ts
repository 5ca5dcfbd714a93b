import { type Script, script } from './script.ts';
import { common, punctual } from './script-prelude.ts';

/** ARGV: common, time to live in ms, pairs of the new hash. Answers `created`, `taken`, `corrupt`, `newer` or `late`. */
export const createScript: Script = script(
  common,
  punctual,
  `
local ttl = tonumber(ARGV[4])
local state, own = look()
if state == 'corrupt' or state == 'newer' then return { state, now } end
if state ~= 'absent' then
  prove()
  -- Our own write, sent again because its answer was lost.
  return { state == 'live' and holds(own.tokens) and 'created' or 'taken', now }
end
if ttl <= 0 then return { 'created', now } end
local values = {}
for i = 5, #ARGV do values[i - 4] = ARGV[i] end
put(values, 1)
redis.call('PEXPIRE', key, ttl)
return { 'created', now }
`,
);

/**
 * ARGV: common, touchedAt, expiresAt, time to live in ms, whether this process has no other write of this session under
 * way ('1'), owner ('' unchanged, '-' none, '=' and the owner), settings ('' unchanged), index period in ms, the counts
 * of what follows in another order: fields to set, to revise, to remove, to compare, to find missing. The order is: name
 * and text of what is compared, names of what is to be missing; name, number of pieces and pieces of what is set and
 * revised; names of what is removed.
 *
 * Answers `applied` (and the owner, when the index entry is due to be renewed), `gone`, `conflict`, `corrupt`, `newer`
 * or `late`.
 */
export const updateScript: Script = script(
  common,
  punctual,
  `
local touchedAt, expiresAt, ttl = ARGV[4], ARGV[5], tonumber(ARGV[6])
local isAlone, owner, settings, period = ARGV[7] == '1', ARGV[8], ARGV[9], tonumber(ARGV[10])
local at = 16

local state, own = look()
if state == 'corrupt' or state == 'newer' then return { state, now } end
if state ~= 'live' then prove() return { 'gone', now } end
if holds(own.tokens) then prove() return { 'applied', now } end

local sets, revises, unsets, expects, missing =
  tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15])
for _ = 1, expects do
  if textOf(ARGV[at]) ~= ARGV[at + 1] then prove() return { 'conflict', now } end
  at = at + 2
end
for _ = 1, missing do
  if redis.call('HEXISTS', key, ARGV[at]) == 1 then prove() return { 'conflict', now } end
  at = at + 1
end

-- Remembers this write: one token of each of the last five writers; more of one writer while several of its writes
-- are under way. The newest stands in "m"; these are the others, 44 characters at most.
local function remember()
  local tokens, writers = { token }, { [string.sub(token, 1, 6)] = true }
  for i = 1, #own.tokens, 11 do
    local one = string.sub(own.tokens, i, i + 10)
    local writer = string.sub(one, 1, 6)
    if not (isAlone and writer == string.sub(token, 1, 6)) then tokens[#tokens + 1] = one end
  end
  if #tokens > 5 then
    local drop = #tokens
    for i = 2, #tokens do
      local writer = string.sub(tokens[i], 1, 6)
      if writers[writer] then drop = i end
      writers[writer] = true
    end
    table.remove(tokens, drop)
  end
  return table.concat(tokens, '', 2)
end

local isSettings = settings ~= ''
local laterTouchedAt = tonumber(touchedAt) > tonumber(own.t) and touchedAt or own.t
local laterExpiresAt = (isSettings or tonumber(expiresAt) > tonumber(own.e)) and expiresAt or own.e
local values = {
  'm', table.concat({ '1', identity, own.c, laterTouchedAt, laterExpiresAt, token }, ' '),
}
local removed = {}
local function add(name, text)
  values[#values + 1] = name
  values[#values + 1] = text
end
local function remove(names)
  for _, name in ipairs(names) do removed[#removed + 1] = name end
end
local others = remember()
if others ~= '' then add('k', others) elseif own.k then remove({ 'k' }) end
if string.sub(owner, 1, 1) == '=' then add('o', string.sub(owner, 2)) end
if owner == '-' then remove({ 'o' }) end
if isSettings then add('s', settings) end
for i = 1, sets + revises do
  local name, count = ARGV[at], tonumber(ARGV[at + 1])
  if i <= sets or redis.call('HEXISTS', key, name) == 1 then
    add(name, ARGV[at + 2])
    for number = 1, count - 1 do add(';' .. number .. name, ARGV[at + 2 + number]) end
    remove(pieces(name, count))
  end
  at = at + 2 + count
end
for i = at, at + unsets - 1 do
  remove({ ARGV[i] })
  remove(pieces(ARGV[i], 1))
end

-- Whether the session would grow by this. What every write sets does not count.
local function grows()
  local bytes = 0
  for i = others == '' and 3 or 5, #values, 2 do
    bytes = bytes + #values[i + 1] - redis.call('HSTRLEN', key, values[i])
    if redis.call('HEXISTS', key, values[i]) == 0 then bytes = bytes + #values[i] end
  end
  for _, name in ipairs(removed) do bytes = bytes - redis.call('HSTRLEN', key, name) end
  return bytes > 0
end

-- From here on it is written. Out of memory, Redis refuses the first write if it may need memory: that is right for a
-- change that grows the session, and would be wrong for a touch, a removal or a counter.
local first = redis.pcall('HSET', key, unpack(values, 1, math.min(1000, #values)))
if type(first) == 'table' and first.err then
  if not string.find(first.err, 'OOM', 1, true) or grows() then return first end
  prove()
  put(values, 1)
else
  put(values, 1001)
end
for i = 1, #removed, 1000 do redis.call('HDEL', key, unpack(removed, i, math.min(i + 999, #removed))) end

if isSettings then
  if ttl > 0 then redis.call('PEXPIRE', key, ttl) else redis.call('DEL', key) end
elseif ttl > 0 and ttl > redis.call('PTTL', key) then
  -- Later, or the key had lost its expiry (somebody's PERSIST, a careless restore) and gets it back.
  redis.call('PEXPIRE', key, ttl)
end

if owner == '' and own.o and math.floor(own.t / period) < math.floor(touchedAt / period) then
  return { 'applied', now, own.o }
end
return { 'applied', now }
`,
);

/**
 * ARGV: common (its time is not looked at: a late end is still an end), lifetime of the end marker in ms or 0, whether
 * something must be written in any case ('1').
 *
 * Answers `removed` and the hash, `nothing`, `replayed`, `corrupt` or `newer`.
 */
export const destroyScript: Script = script(
  common,
  `
local markerMs, mustWrite = tonumber(ARGV[4]), ARGV[5] == '1'
local state, own = look()
if state == 'corrupt' or state == 'newer' then return { state, now } end
if state == 'ended' then
  if own.x == token then return { 'replayed', now } end
  prove()
  if markerMs > redis.call('PTTL', key) then redis.call('PEXPIRE', key, markerMs) end
else
  local record = state == 'live' and redis.call('HGETALL', key)
  -- It is read after it is gone: what cannot be read must be found now.
  for i = 1, record and #record or 0, 2 do
    if string.sub(record[i], 1, 1) == ';' then
      local number, name = string.match(record[i], '^;(%d+)(%..*)$')
      local previous = name and (number == '1' and name or ';' .. (number - 1) .. name)
      if not previous or redis.call('HEXISTS', key, previous) == 0 then return { 'corrupt', now } end
    end
  end
  redis.call('DEL', key)
  if markerMs > 0 then
    -- pcall: out of memory the session ends all the same.
    redis.pcall('HSET', key, 'm', '1 ' .. identity, 'x', token)
    redis.pcall('PEXPIRE', key, markerMs)
  end
  if record then return { 'removed', now, record } end
end
if mustWrite then
  -- Something for WAIT to wait for: an earlier destroy, not confirmed then, is confirmed with it.
  if state == 'ended' then
    redis.call('PEXPIRE', key, math.max(redis.call('PTTL', key), 1))
  elseif markerMs <= 0 then
    redis.pcall('HSET', key, '-', '')
    redis.call('DEL', key)
  end
end
return { 'nothing', now }
`,
);
