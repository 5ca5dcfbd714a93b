import { inspect } from 'node:util';

/** All that can be read from a value: what it prints, and each string that it leads to, hidden or not. */
export function textOf(value: unknown): string {
  const seen = new Set<unknown>();
  const texts: string[] = [inspect(value, { depth: 20, showHidden: true, getters: true }), String(value)];
  const walk = (part: unknown): void => {
    if (typeof part === 'string') texts.push(part);
    if (part === null || (typeof part !== 'object' && typeof part !== 'function') || seen.has(part)) return;
    seen.add(part);
    if (Buffer.isBuffer(part)) texts.push(part.toString(), part.toString('base64'), part.toString('hex'));
    for (const key of Reflect.ownKeys(part)) {
      texts.push(String(key));
      const descriptor = Reflect.getOwnPropertyDescriptor(part, key);
      if (descriptor !== undefined && 'value' in descriptor) walk(descriptor.value);
    }
    if (part instanceof Map || part instanceof Set) for (const item of part) walk(item);
  };
  walk(value);
  try {
    texts.push(JSON.stringify(value) ?? '');
  } catch {
    // a circle: inspect and the walk have seen it
  }
  return texts.join('\n');
}

/** Names of the secrets that a text holds. */
export function leaksIn(text: string, secrets: Record<string, string>): string[] {
  return Object.entries(secrets)
    .filter(([, secret]) => text.includes(secret))
    .map(([name]) => name);
}
