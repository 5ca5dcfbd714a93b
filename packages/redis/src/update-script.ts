import { type Script, script } from './script.ts';
import { common, punctual } from './script-prelude.ts';

/**
 * ARGV: token, identity, latest time, touchedAt, expiresAt, time to live in ms, whether this process has no other write
 * of this session under way ('1'), index period in ms; a letter for each part of the change; what the parts need:
 *
 * - `e` name, text: it must hold this; `m` name: it must be missing
 * - `s` name, text: to set; `r` name, text: to set if it is there; `u` name: to remove
 * - `o` owner; `n`: no owner; `c` settings
 *
 * Answers `applied`, `gone`, `conflict`, `corrupt`, `newer` or `late`, and the time; as a list with the owner when the
 * index entry is due to be renewed.
 */
export const updateScript: Script = script(
  common,
  punctual,
  `
local touchedAt, expiresAt, ttl, isAlone, period = string.match(words, '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
touchedAt, expiresAt, ttl, period = tonumber(touchedAt), tonumber(expiresAt), tonumber(ttl), tonumber(period)

local state, own = look()
if state == 'corrupt' or state == 'newer' then return say(state) end
if state ~= 'live' then prove() return say('gone') end
if holds(own.tokens) then prove() return say('applied') end

local fields, byName = own.fields, {}
for i, field in ipairs(fields) do byName[field.name] = field end
-- The place of the first byte that changes, and by how many bytes the session grows.
local changedFrom, growth = size + 1, 0
local owner, settings, isNamed = own.o, own.s, false

local function touchedBy(field)
  if field.from and field.from < changedFrom then changedFrom = field.from end
end
local at = 3
local function nextArgument()
  at = at + 1
  return ARGV[at - 1]
end
local parts = {
  e = function()
    local field, text = byName[nextArgument()], nextArgument()
    return field and field.count == #text and bytes(field.from, field.count) == text
  end,
  m = function() return not byName[nextArgument()] end,
  s = function(onlyIfThere)
    local name, text = nextArgument(), nextArgument()
    local field = byName[name]
    if not field then
      if onlyIfThere then return true end
      field = { name = name, count = 0 }
      growth = growth + #name
      fields[#fields + 1] = field
      byName[name] = field
    end
    touchedBy(field)
    growth = growth + #text - field.count
    field.text, field.count = text, #text
    return true
  end,
  u = function()
    local field = byName[nextArgument()]
    if not field or field.isGone then return true end
    touchedBy(field)
    growth = growth - field.count - #field.name
    field.isGone = true
    return true
  end,
  o = function()
    growth = growth - #(owner or '')
    owner, isNamed = nextArgument(), true
    growth = growth + #owner
    return true
  end,
  n = function()
    growth = growth - #(owner or '')
    owner, isNamed = nil, true
    return true
  end,
  c = function()
    growth = growth - #(settings or '')
    settings = nextArgument()
    growth = growth + #settings
    return true
  end,
}
parts.r = function() return parts.s(true) end
for part in string.gmatch(ARGV[2], '.') do
  -- Comparisons come before all else: nothing is written yet.
  if not parts[part]() then prove() return say('conflict') end
end
local isSettings = string.find(ARGV[2], 'c', 1, true)

-- Remembers this write: one token of each of the last five writers; more of one writer while several of its writes
-- are under way.
local function remember()
  local tokens, writers = { token }, { [string.sub(token, 1, 6)] = true }
  for i = 1, #own.tokens, 11 do
    local one = string.sub(own.tokens, i, i + 10)
    local writer = string.sub(one, 1, 6)
    if not (isAlone == '1' and writer == string.sub(token, 1, 6)) then tokens[#tokens + 1] = one end
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

local laterTouchedAt = math.max(touchedAt, own.t)
local laterExpiresAt = isSettings and expiresAt or math.max(expiresAt, own.e)
local times = string.format('%.17g %.17g %.17g', own.c, laterTouchedAt - own.c, laterExpiresAt - laterTouchedAt)
local tokens = remember()

-- The first line, for fields in this order.
local function headOf(order, unused)
  local list = { owner or 0, settings or 0 }
  for _, field in ipairs(order) do
    list[#list + 1] = field.name
    list[#list + 1] = field.count
  end
  if unused > 0 then list[#list + 1] = unused end
  return table.concat({ '1', identity, times, tokens, cjson.encode(list) }, ' ')
end

local function textOf(field)
  return field.text or bytes(field.from, field.count)
end

-- From here on it is written. Out of memory, Redis refuses the first write if it may need memory: that is right for a
-- change that grows the session, and would be wrong for a touch, a removal or a counter. Answers what went wrong.
local function write(...)
  local outcome = redis.pcall(...)
  if type(outcome) ~= 'table' or not outcome.err then return nil end
  if not string.find(outcome.err, 'OOM', 1, true) or growth > 0 then return outcome end
  prove()
  redis.call(...)
end

-- A long session is changed where it lies: what was not changed neither moves nor goes to replicas once more. There is
-- some room for that behind its first line and at its end.
local longFrom, spare = 4096, 64

local function writeInPlace(kept)
  if size < longFrom then return false end
  local tail = {}
  for _, field in ipairs(kept) do
    if field.text or field.from >= changedFrom then tail[#tail + 1] = textOf(field) end
  end
  tail = table.concat(tail)
  local from = changedFrom
  if from > size then
    -- New fields begin where the last one ends.
    from = own.head + 1
    for _, field in ipairs(kept) do if field.from then from = field.from + field.count end end
  end
  local unused = size + 1 - from - #tail
  if unused < 0 or unused > 1024 then return false end
  local head = headOf(kept, unused)
  if #head > own.head - 1 then return false end
  head = head .. string.rep(' ', own.head - 1 - #head)
  if tail == '' and changedFrom > size then return true, write('SETRANGE', key, 0, head) end
  -- The end of the text first: it alone can lie beyond what proto-max-bulk-len allows, and then nothing is written.
  local failure = write('SETRANGE', key, from - 1, tail .. string.rep(' ', unused))
  if not failure then redis.call('SETRANGE', key, 0, head) end
  return true, failure
end

local function writeWhole(kept)
  local order, texts = {}, {}
  -- Longer texts first: a change of one behind them does not move them.
  for _, field in ipairs(kept) do if field.count > 1024 then order[#order + 1] = field end end
  for _, field in ipairs(kept) do if field.count <= 1024 then order[#order + 1] = field end end
  for i, field in ipairs(order) do texts[i] = textOf(field) end
  local body = table.concat(texts)
  local isLong = #body >= longFrom
  local head = headOf(order, isLong and spare or 0)
  if isLong then
    head = head .. string.rep(' ', spare)
    body = body .. string.rep(' ', spare)
  end
  return write('SET', key, head .. '\\n' .. body, 'KEEPTTL')
end

local kept = {}
for _, field in ipairs(fields) do if not field.isGone then kept[#kept + 1] = field end end
local isInPlace, failure = writeInPlace(kept)
if not isInPlace then failure = writeWhole(kept) end
if failure then return failure end

if isSettings then
  if ttl > 0 then redis.call('PEXPIRE', key, ttl) else redis.call('DEL', key) end
elseif ttl > 0 and ttl > redis.call('PTTL', key) then
  -- Later, or the key had lost its expiry (somebody's PERSIST, a careless restore) and gets it back.
  redis.call('PEXPIRE', key, ttl)
end

if not isNamed and own.o and math.floor(own.t / period) < math.floor(touchedAt / period) then
  return { say('applied'), own.o }
end
return say('applied')
`,
);
