/** A metric as a query asks for it, and what it asks of its labels. */
export interface Selector {
  readonly name: RegExp;
  readonly labels: ReadonlyMap<string, { readonly isExact: boolean; readonly value: string }>;
}

export interface Series {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
}

const pairs = /(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"/g;

/** The selectors of a query, and the labels that it groups by. */
export function selectorsOf(query: string): { selectors: Selector[]; groups: string[] } {
  const groups = [...query.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, list = '']) => list.match(/\w+/g) ?? []);
  const rest = query.replaceAll(/\bby\s*\([^)]*\)/g, '');
  const selectors = [...rest.matchAll(/(\bsess_\w+)?\{([^}]*)\}|\bsess_\w+(?![\w{])/g)].map(
    ([whole, before, inside]): Selector => {
      const labels = new Map(
        [...(inside ?? '').matchAll(pairs)].map(([, label = '', operator, value = '']) => [
          label,
          { isExact: operator === '=', value },
        ]),
      );
      const name = labels.get('__name__')?.value ?? before ?? whole;
      labels.delete('__name__');
      return { name: new RegExp(`^(?:${name})$`), labels };
    },
  );
  return { selectors, groups };
}

/** What a scrape has, in Prometheus' text format. */
export function seriesOf(scrape: string): Series[] {
  return [...scrape.matchAll(/^(\w+)(?:\{(.*)\})? \S+/gm)].map(([, name = '', inside = '']) => ({
    name,
    labels: new Map([...inside.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', value = '']) => [label, value])),
  }));
}

/** Labels that Prometheus adds when it scrapes. */
const added = new Set(['job', 'instance']);

/** What a query asks for that no series has. */
export function problemsOf(query: string, series: readonly Series[]): string[] {
  const { selectors, groups } = selectorsOf(query);
  if (selectors.length === 0) return [`no metric in ${query}`];
  const found = selectors.map((selector) => ({ selector, of: series.filter(({ name }) => selector.name.test(name)) }));
  const problems = found.flatMap(({ selector, of }) => {
    if (of.length === 0) return [`no series ${selector.name.source}`];
    return [...selector.labels]
      .filter(([label]) => !added.has(label))
      .filter(([label, { isExact, value }]) =>
        of.every(({ labels }) => (isExact ? labels.get(label) !== value : !labels.has(label))),
      )
      .map(([label, { value }]) => `no series ${selector.name.source} with ${label} "${value}"`);
  });
  const labelled = found.flatMap(({ of }) => of);
  const unknown = groups.filter((label) => labelled.every(({ labels }) => !labels.has(label)));
  return [...problems, ...unknown.map((label) => `no label ${label} to group by`)];
}
