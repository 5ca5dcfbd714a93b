import { type Script, script } from './script.ts';
import { common, punctual } from './script-prelude.ts';

/**
 * ARGV: token, identity, latest time, age in ms if it is sent again, touchedAt, expiresAt, time to live in ms, whether
 * this process has no other write of this session under way ('1'), index period in ms; a letter for each part of the
 * change; what the parts need:
 *
 * - `e` name, text: it must hold this; `m` name: it must be missing
 * - `s` name, text: to set; `r` name, text: to set if it is there; `u` name: to remove
 * - `o` owner; `n`: no owner; `c` settings
 *
 * Answers `applied`, `gone`, `conflict`, `corrupt`, `newer`, `late` or `unknown`, and the time; as a list with the owner
 * when the index entry is due to be renewed.
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
if isLate() then return say('late') end

-- A token behind the fifth is kept for so many seconds: longer than a write can be under way.
local keptSeconds = 62
local function secondsUntil(digits)
  return (tonumber(digits) - math.floor(now / 1000)) % 1000
end

-- Stands for tokens that went too early, since there were too many: 8 dots, and until when the last of them matters.
local known, forgotten = own.tokens, nil
local mark = #known > 11 and string.find(known, '........', 1, true)
if mark then
  local digits = string.sub(known, mark + 8, mark + 10)
  known = string.sub(known, 1, mark - 1)
  local left = secondsUntil(digits)
  if left <= keptSeconds then forgotten = digits end
  -- Sent before the last of them went: it may be one of them, and must not be done twice.
  if forgotten and age > 0 and (keptSeconds - left - 1) * 1000 <= age then return say('unknown') end
end

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

-- Remembers this write: the last five tokens in any case, and more for as long as their writes may come again, but not
-- more than 500. Those of this writer are not needed when it has nothing else under way.
local function remember()
  local isOurs = #known == 11 and string.sub(known, 1, 6) == string.sub(token, 1, 6)
  if isOurs and isAlone == '1' and not forgotten then return token end
  local function withoutOurs(tokens, width)
    local writer = string.sub(token, 1, 6)
    local at = string.find(tokens, writer, 1, true)
    while at do
      if at % width == 1 then
        tokens = string.sub(tokens, 1, at - 1) .. string.sub(tokens, at + width)
      else
        at = at + 1
      end
      at = string.find(tokens, writer, at, true)
    end
    return tokens
  end

  local five, more = string.sub(known, 1, 55), string.sub(known, 56)
  if isAlone == '1' then five, more = withoutOurs(five, 11), withoutOurs(more, 14) end
  five = token .. five
  if #five <= 55 and more == '' and not forgotten then return five end

  local untilWhen = string.format('%03d', (math.floor(now / 1000) + keptSeconds) % 1000)
  if #five > 55 then
    five, more = string.sub(five, 1, 55), string.sub(five, 56) .. untilWhen .. more
  end
  while #five < 55 and more ~= '' do
    five, more = five .. string.sub(more, 1, 11), string.sub(more, 15)
  end
  -- The oldest are the last.
  while more ~= '' and secondsUntil(string.sub(more, -3)) > keptSeconds do more = string.sub(more, 1, -15) end
  if #more > 14 * 495 then
    more, forgotten = string.sub(more, 1, 14 * 495), untilWhen
  end
  if not forgotten then return five .. more end
  return five .. more .. '........' .. forgotten .. (#five < 55 and '' or forgotten)
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

-- The entry was to be kept for a session that ends earlier, or is of an earlier period.
local hasGrown = laterExpiresAt - laterTouchedAt > math.max(own.e - own.t, 3600000)
if not isNamed and own.o and (hasGrown or math.floor(own.t / period) < math.floor(touchedAt / period)) then
  return { say('applied'), own.o }
end
return say('applied')
`,
);
