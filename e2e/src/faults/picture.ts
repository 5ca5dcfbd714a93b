import type { Results } from './results.ts';

const width = 860;
const left = 330;
const barHeight = 16;
const gap = 4;
const colours = { ours: '#1f6feb', peer: '#8b949e' };

/** Wrong answers of a thousand, a panel for each fault that others bore too. */
export function picture({ rows }: Pick<Results, 'rows'>): string {
  const faults = [
    ...new Set(rows.filter(({ isPeer }) => isPeer).map(({ id, fault, store }) => `${id}|${fault}|${store}`)),
  ];
  const parts: string[] = [text(12, 24, 'Wrong answers of a thousand, by fault', 'font-weight="600" font-size="15"')];
  let y = 34;
  for (const name of faults) {
    const [id = '', fault, store] = name.split('|');
    parts.push(text(12, (y += 22), `${id} ${fault}, ${store}`, 'font-weight="600"'));
    y += 8;
    const bars = rows
      .filter((row) => row.id === id && row.fault === fault && row.store === store)
      .filter(({ isPeer, contestant }) => isPeer || contestant === 'Express');
    const most = Math.max(1, ...bars.map(perThousand));
    for (const row of bars) {
      const value = perThousand(row);
      const length = value === 0 ? 0 : Math.max(2, (value / most) * (width - left - 90));
      const fill = row.isPeer ? colours.peer : colours.ours;
      parts.push(text(left - 8, y + 12, row.isPeer ? row.contestant : `@sess/${row.store}`, 'text-anchor="end"'));
      parts.push(`<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" fill="${fill}"/>`);
      parts.push(text(left + length + 6, y + 12, value === 0 ? '0' : value.toFixed(1)));
      y += barHeight + gap;
    }
  }
  const style = 'font-family="system-ui, sans-serif" font-size="12"';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + 12}" viewBox="0 0 ${width} ${y + 12}" ${style}>
<rect width="100%" height="100%" fill="#ffffff"/>
${parts.join('\n')}
</svg>
`;
}

function perThousand({ wrong, requests }: { wrong: number; requests: number }): number {
  return requests === 0 ? 0 : (wrong / requests) * 1_000;
}

function text(x: number, y: number, content: string, attributes = ''): string {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y}" fill="#1f2328" ${attributes}>${safe}</text>`;
}
