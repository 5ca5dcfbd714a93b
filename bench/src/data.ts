/** What the sessions of the benchmark hold. */
export interface Data {
  userId?: string;
  role?: string;
  csrf?: string;
  locale?: string;
  seen?: number;
  views?: number;
  profile?: string;
  cart?: readonly Item[];
}

interface Item {
  sku: string;
  title: string;
  quantity: number;
  price: number;
}

/** About 300 bytes of JSON in seven keys, as a login, a CSRF token and a counter make them. */
export function smallData(): Data {
  return {
    userId: '8b6f0d8e4c1a4f7e9d2b5a60',
    role: 'member',
    csrf: 'Zk3vW1uQ0yXo8T5rB7nLc2HsD9fGjAe4MpKiUqYtRxE',
    locale: 'de-DE',
    seen: 1_700_000_000_000,
    views: 1,
    profile: text(108),
  };
}

/** The same with a key of so many bytes beside: a cart that the request does not look at. */
export function dataOf(bytes: number): Data {
  const small = smallData();
  const left = bytes - JSON.stringify(small).length;
  if (left <= 0) return small;
  return { ...small, cart: items(left) };
}

function items(bytes: number): Item[] {
  const list: Item[] = [];
  for (let size = 0; size < bytes;) {
    const number = list.length;
    const item = { sku: `sku-${number}`, title: text(60), quantity: 1 + (number % 5), price: 995 + number };
    list.push(item);
    size += JSON.stringify(item).length + 1;
  }
  return list;
}

function text(length: number): string {
  return 'The quick brown fox jumps over the lazy dog, and "so" on. '.repeat(Math.ceil(length / 58)).slice(0, length);
}
