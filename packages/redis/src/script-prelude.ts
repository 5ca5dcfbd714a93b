/** What all scripts on sessions begin with. Their first argument is a line of words, in an order of their own. */
export const common = `
local key = KEYS[1]
local token, identity, rest = string.match(ARGV[1], '^(%S+) (%S+) ?(.*)$')

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- A verdict, and the server's clock with it.
local function say(verdict)
  return verdict .. ' ' .. now
end

-- Only a master may say no: a replica would say it of old data. GETEX changes nothing, but counts as a write: a replica
-- refuses it with READONLY. It is also what makes a later write of this script pass when Redis is out of memory: that
-- is checked at the first write alone.
local function prove()
  redis.call('GETEX', key)
end

-- The beginning of what lies under the key, and its size in bytes. Of a long session the rest is left where it is.
local chunkBytes = 4096
local chunk, size

-- So many bytes from a place on, counted from 1.
local function bytes(from, count)
  if from + count - 1 <= #chunk then return string.sub(chunk, from, from + count - 1) end
  return redis.call('GETRANGE', key, from - 1, from + count - 2)
end

local function numberOf(text)
  local number = tonumber(text)
  return number and math.abs(number) < math.huge and number
end

-- cjson takes for numbers what JSON.parse in session-record.ts does not: 0x3, 007, NaN. They stand behind a comma. What
-- looks like one may also be part of a text, so then it is looked for once more, in what is left without the texts.
local function isList(json)
  if string.find(json, '^%[0?[",]') and not string.find(json, ',[^"%d]') and not string.find(json, ',0[^,%]]') then
    return true
  end
  local rest = string.gsub(string.gsub(json, '\\\\.', ''), '"[^"]*"', '')
  return string.find(rest, '^%[[%d,]*%] *$') and not string.find(rest, '[^%d]0%d')
end

local function areSettings(json)
  if string.sub(json, 1, 1) ~= '{' then return false end
  local rest = string.gsub(string.gsub(json, '\\\\.', ''), '"[^"]*"', '')
  return not string.find(rest, '[xXNiI]') and pcall(cjson.decode, json)
end

-- A text behind NUL is JSON. cjson would not do: it takes no half of a surrogate pair, and that is what such texts have.
local function isText(text)
  if string.byte(text) ~= 0 then return true end
  local rest = string.gsub(string.gsub(text, '\\\\["\\\\/bfnrt]', '.'), '\\\\u%x%x%x%x', '.')
  return string.find(rest, '^%z"[^"\\\\%z\\1-\\31]*"$')
end

-- Whether owner, names and texts are such, as far as they were fetched. Hardly a session has a NUL at all.
local function areTexts(list, json, fields)
  if string.find(json, '\\\\u0000', 1, true) then
    for _, item in ipairs(list) do
      if type(item) == 'string' and not isText(item) then return false end
    end
  end
  if string.find(chunk, '\\0', 1, true) then
    for _, field in ipairs(fields) do
      local isBehindNul = field.count > 0 and string.byte(chunk, field.from) == 0
      if isBehindNul and not isText(bytes(field.from, field.count)) then return false end
    end
  end
  return true
end

local function isLength(value)
  return type(value) == 'number' and value >= 0 and value == math.floor(value)
end

-- The fields in their order: name, place and number of bytes of each text. False if the list is not one.
local function fieldsOf(list, from)
  local fields = {}
  for i = 3, #list - 1, 2 do
    local name, count = list[i], list[i + 1]
    if type(name) ~= 'string' or not isLength(count) then return false end
    fields[#fields + 1] = { name = name, from = from, count = count }
    from = from + count
  end
  local unused = #list % 2 == 1 and list[#list] or 0
  if not isLength(unused) or from + unused ~= size + 1 then return false end
  return fields
end

-- What lies under the key (see session-record.ts), all of it if it is asked for. A value of another type is an error here,
-- before anything is written.
local function look(isWhole)
  chunk = redis.call('GETRANGE', key, 0, chunkBytes - 1)
  size = #chunk
  if size == 0 then return redis.call('EXISTS', key) == 0 and 'absent' or 'corrupt' end
  if size == chunkBytes then size = redis.call('STRLEN', key) end
  local version = string.match(chunk, '^(%d+) ')
  if version ~= '1' then return version and string.match(version, '^[1-9]') and 'newer' or 'corrupt' end
  if string.sub(chunk, 3, 10) ~= identity then return 'corrupt' end
  if string.sub(chunk, 11, 13) == ' - ' then return 'ended', { x = string.sub(chunk, 14) } end

  local head = string.find(chunk, '\\n', 1, true)
  if size > #chunk and (isWhole or not head) then
    chunk = redis.call('GET', key)
    head = string.find(chunk, '\\n', 1, true)
  end
  if not head then return 'corrupt' end
  local shape = '^ ([%d.e+-]+) ([%d.e+-]+) ([%d.e+-]+) (%S+) (%[.*)$'
  local created, touched, expires, tokens, json = string.match(string.sub(chunk, 11, head - 1), shape)
  created, touched, expires = numberOf(created), numberOf(touched), numberOf(expires)
  if not (created and touched and expires) then return 'corrupt' end
  if #tokens % 11 ~= 0 and #tokens <= 55 or #tokens > 55 and (#tokens - 55) % 14 ~= 0 then return 'corrupt' end
  local isJson, list = pcall(cjson.decode, json)
  if not isJson or type(list) ~= 'table' or #list < 2 or not isList(json) then return 'corrupt' end
  local own = { head = head, c = created, t = created + touched, e = created + touched + expires, tokens = tokens }
  own.o = type(list[1]) == 'string' and list[1] or nil
  own.s = type(list[2]) == 'string' and list[2] or nil
  own.fields = fieldsOf(list, head + 1)
  if not own.fields or not areTexts(list, json, own.fields) then return 'corrupt' end
  if own.s and not areSettings(own.s) then return 'corrupt' end
  return 'live', own
end

-- Whether the session remembers this write. Tokens stand newest first: five of 11 characters, 6 of the writer and 5 of
-- its counter; then some of 14, with the second until which they are kept.
local function holds(tokens)
  local at = string.find(tokens, token, 1, true)
  while at do
    if at < 56 and at % 11 == 1 or at >= 56 and at % 14 == 0 then return true end
    at = string.find(tokens, token, at + 1, true)
  end
  return false
end
`;

/**
 * A write that comes later than its caller waits for it would change what others have seen since: a frozen server and a
 * client that sends again both make such writes. It is refused by the server's own clock, and told the time. One that
 * has been done already is not late: that is looked for first.
 */
export const punctual = `
local latest, age, words = string.match(rest, '^(%S+) (%S+) (.*)$')
latest, age = tonumber(latest), tonumber(age)

local function isLate()
  return now > latest
end
`;
