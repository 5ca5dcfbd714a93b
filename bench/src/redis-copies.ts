import type { Redis } from 'ioredis';

/** A key in Redis, and where in it, and in its value if there too, eight hexadecimal digits tell it from others. */
export interface Original {
  key: string;
  digitsInKey: number;
  digitsInValue?: number;
}

/**
 * Done inside Redis: a million sessions take seconds, and through a client minutes. ARGV: the first number, the last,
 * and the two places, counted from 1; 0: the value stays as it is.
 */
const script = `
local first, last, inKey, inValue = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local value, ttl = redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])
local function marked(text, place, digits)
  return string.sub(text, 1, place - 1) .. digits .. string.sub(text, place + 8)
end
for number = first, last do
  local digits = string.format('%08x', number)
  local copy = inValue > 0 and marked(value, inValue, digits) or value
  redis.call('SET', marked(KEYS[1], inKey, digits), copy, 'PX', ttl)
end
`;

const atOnce = 5_000;

/** Puts copies of what lies under a key under the keys with the numbers from `first` up to `end`, without that one. */
export async function plantCopies(redis: Redis, original: Original, first: number, end: number): Promise<void> {
  const { key, digitsInKey, digitsInValue = -1 } = original;
  for (let from = first; from < end; from += atOnce) {
    const last = Math.min(from + atOnce, end) - 1;
    await redis.eval(script, 1, key, from, last, digitsInKey + 1, digitsInValue + 1);
  }
}

/** The key of the copy with that number. */
export function copyOf({ key, digitsInKey }: Original, number: number): string {
  return `${key.slice(0, digitsInKey)}${number.toString(16).padStart(8, '0')}${key.slice(digitsInKey + 8)}`;
}
