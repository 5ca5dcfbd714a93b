import { type Script, script } from './script.ts';

/** Arguments that all scripts on sessions begin with: the write's token, the session's identity, the latest time. */
const common = `
local key, token, identity, notAfter = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- What lies under the key. A value of another type is an error here, before anything is written.
local function look()
  local found = redis.call('HMGET', key, 'v', 'i', 'x', 'c', 't', 'e', 'k', 'o', 's')
  local own = {}
  for i, name in ipairs({ 'v', 'i', 'x', 'c', 't', 'e', 'k', 'o', 's' }) do own[name] = found[i] or nil end
  if not own.v then
    return redis.call('EXISTS', key) == 0 and 'absent' or 'corrupt', own
  end
  if own.v ~= '1' then
    return string.match(own.v, '^[1-9]%d*$') and 'newer' or 'corrupt', own
  end
  if own.i ~= identity then return 'corrupt', own end
  if own.x then return 'ended', own end
  if not (tonumber(own.c) and tonumber(own.t) and tonumber(own.e) and own.k) then return 'corrupt', own end
  if own.s then
    local isJson, settings = pcall(cjson.decode, own.s)
    if not (isJson and type(settings) == 'table') then return 'corrupt', own end
  end
  return 'live', own
end

-- Only a master may say no: a replica would say it of old data. This changes nothing (no field has this name), but
-- a replica refuses it with READONLY. It is also what makes a later write of this script pass when Redis is out of
-- memory: that is checked at the first write alone.
local function prove()
  redis.call('HDEL', key, '-')
end

-- HSET of any number of pairs: unpack has a limit.
local function put(values, from)
  for i = from, #values, 1000 do
    redis.call('HSET', key, unpack(values, i, math.min(i + 999, #values)))
  end
end

-- The tokens of the last writes, newest first, 11 characters each: 6 of the writer, 5 of its counter.
local function holds(tokens)
  for at = 1, #tokens, 11 do
    if string.sub(tokens, at, at + 10) == token then return true end
  end
  return false
end
`;

/**
 * A write that comes later than its caller waits for it would change what others have seen since: a frozen server and a
 * client that sends again both make such writes. It is refused by the server's own clock, and told the time.
 */
const punctual = `
if notAfter > 0 and now > notAfter then return { 'late', now } end
`;

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
  return { state == 'live' and holds(own.k) and 'created' or 'taken', now }
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
 * of what follows: fields to set, to revise, to remove, to compare, to find missing.
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
if holds(own.k) then prove() return { 'applied', now } end

local sets, revises, unsets, expects, missing =
  tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15])
local compareAt = at + 2 * sets + 2 * revises + unsets
for i = compareAt, compareAt + 2 * expects - 1, 2 do
  if redis.call('HGET', key, ARGV[i]) ~= ARGV[i + 1] then prove() return { 'conflict', now } end
end
compareAt = compareAt + 2 * expects
for i = compareAt, compareAt + missing - 1 do
  if redis.call('HEXISTS', key, ARGV[i]) == 1 then prove() return { 'conflict', now } end
end

-- Remembers this write: one token of each of the last five writers; more of one writer while several of its writes
-- are under way. 55 characters at most: above 64 Redis would store the whole hash in its larger form.
local function remember()
  local tokens, writers = { token }, { [string.sub(token, 1, 6)] = true }
  for i = 1, #own.k, 11 do
    local one = string.sub(own.k, i, i + 10)
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
  return table.concat(tokens)
end

local isSettings = settings ~= ''
local values = {
  't', tonumber(touchedAt) > tonumber(own.t) and touchedAt or own.t,
  'e', (isSettings or tonumber(expiresAt) > tonumber(own.e)) and expiresAt or own.e,
  'k', remember(),
}
local function add(name, text)
  values[#values + 1] = name
  values[#values + 1] = text
end
if string.sub(owner, 1, 1) == '=' then add('o', string.sub(owner, 2)) end
if isSettings then add('s', settings) end
for i = at, at + 2 * sets - 1, 2 do add(ARGV[i], ARGV[i + 1]) end
at = at + 2 * sets
for i = at, at + 2 * revises - 1, 2 do
  if redis.call('HEXISTS', key, ARGV[i]) == 1 then add(ARGV[i], ARGV[i + 1]) end
end
at = at + 2 * revises
local removed = {}
for i = at, at + unsets - 1 do removed[#removed + 1] = ARGV[i] end
if owner == '-' then removed[#removed + 1] = 'o' end

-- Whether the session would grow by this. The three fields that every write sets do not count.
local function grows()
  local bytes = 0
  for i = 7, #values, 2 do
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
  redis.call('DEL', key)
  if markerMs > 0 then
    -- pcall: out of memory the session ends all the same.
    redis.pcall('HSET', key, 'v', '1', 'i', identity, 'x', token)
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
