/** Arguments that all scripts on sessions begin with: the write's token, the session's identity, the latest time. */
export const common = `
local key, token, identity, notAfter = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- What lies under the key. A value of another type is an error here, before anything is written.
local function look()
  local found = redis.call('HMGET', key, 'm', 'k', 'x', 'o', 's')
  local own = { k = found[2] or nil, x = found[3] or nil, o = found[4] or nil, s = found[5] or nil }
  if not found[1] then
    return redis.call('EXISTS', key) == 0 and 'absent' or 'corrupt', own
  end
  local version, rest = string.match(found[1], '^(%d+) (.*)$')
  if version ~= '1' then
    return version and string.match(version, '^[1-9]') and 'newer' or 'corrupt', own
  end
  if own.x then return rest == identity and 'ended' or 'corrupt', own end
  local written, last
  written, own.c, own.t, own.e, last = string.match(rest, '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
  if written ~= identity then return 'corrupt', own end
  if not (tonumber(own.c) and tonumber(own.t) and tonumber(own.e)) then return 'corrupt', own end
  own.tokens = last .. (own.k or '')
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

-- A data field's text of medium length lies in pieces: the first under the field's name, the others under ';1' and the
-- name, ';2' and so on (see session-hash.ts). These are the names of those that are there, from a number on.
local function pieces(name, from)
  local names = {}
  while redis.call('HEXISTS', key, ';' .. from .. name) == 1 do
    names[#names + 1] = ';' .. from .. name
    from = from + 1
  end
  return names
end

-- The whole text of a data field, or false.
local function textOf(name)
  local text = redis.call('HGET', key, name)
  if not text then return false end
  for _, piece in ipairs(pieces(name, 1)) do text = text .. redis.call('HGET', key, piece) end
  return text
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
export const punctual = `
if notAfter > 0 and now > notAfter then return { 'late', now } end
`;
