/** Markup that may stand in a page as it is. Everything else is text, and is escaped. */
export interface Html {
  readonly markup: string;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** A template whose values are escaped, unless they are markup made by this function. */
export function html(strings: TemplateStringsArray, ...values: readonly (Html | string | number)[]): Html {
  const pieces = strings.map((piece, index) => {
    const value = values[index];
    if (value === undefined) return piece;
    return piece + (typeof value === 'object' ? value.markup : escape(String(value)));
  });
  return { markup: pieces.join('') };
}
