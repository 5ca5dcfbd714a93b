const steps = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** A duration for people, in the largest unit that it has one of: `3 h`. */
export function duration(ms: number): string {
  for (const [unit, size] of steps) if (ms >= size) return `${Math.floor(ms / size)} ${unit}`;
  return `${Math.max(0, Math.round(ms))} ms`;
}

/** `3 h ago`, `in 20 min`, `now`. */
export function fromNow(at: number, now: number): string {
  if (Math.abs(at - now) < 1000) return 'now';
  return at < now ? `${duration(now - at)} ago` : `in ${duration(at - now)}`;
}

/** Bytes for people: `812 B`, `1.3 KiB`. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const isSmall = bytes < 1024 * 1024;
  return `${(bytes / (isSmall ? 1024 : 1024 * 1024)).toFixed(1)} ${isSmall ? 'KiB' : 'MiB'}`;
}

export function count(number: number, thing: string): string {
  return `${number.toLocaleString('en')} ${thing}${number === 1 ? '' : 's'}`;
}

/** A latency: `0.42 ms`. */
export function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(2) : Math.round(ms)} ms`;
}
