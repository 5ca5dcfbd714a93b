/** As much of a browser's jar as one host with one path needs. */
export class CookieJar {
  readonly #cookies = new Map<string, string>();

  /** Takes the `Set-Cookie` lines of one answer, in their order. */
  apply(lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
      const [name = '', ...value] = pair.split('=');
      const isOver = attributes.some((attribute) => {
        const [key = '', text = ''] = attribute.split('=');
        if (key.toLowerCase() === 'max-age') return Number(text) <= 0;
        return key.toLowerCase() === 'expires' && Date.parse(text) <= Date.now();
      });
      if (isOver) this.#cookies.delete(name);
      else this.#cookies.set(name, value.join('='));
    }
  }

  /** The `Cookie` header; `undefined` without a cookie. */
  header(): string | undefined {
    if (this.#cookies.size === 0) return undefined;
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  copy(): CookieJar {
    const copy = new CookieJar();
    for (const [name, value] of this.#cookies) copy.#cookies.set(name, value);
    return copy;
  }
}
