/** One bar. */
export interface Bar {
  name: string;
  value: number;
  /** Ours, a peer's, or the least that can be done. */
  kind: 'ours' | 'peer' | 'floor';
}

export interface Panel {
  title: string;
  bars: readonly Bar[];
}

const colours = { ours: '#1f6feb', peer: '#8b949e', floor: '#c9d1d9' };
const width = 760;
const left = 300;
const barHeight = 18;
const gap = 6;

/** Bars of added CPU time, a panel for each scenario with a scale of its own. */
export function barChart(title: string, panels: readonly Panel[]): string {
  const parts: string[] = [];
  let y = 34;
  for (const { title: heading, bars } of panels) {
    parts.push(text(12, (y += 22), heading, 'font-weight="600"'));
    y += 10;
    const most = Math.max(...bars.map(({ value }) => value), 1);
    for (const { name, value, kind } of bars) {
      const length = Math.max(1, (Math.max(0, value) / most) * (width - left - 90));
      parts.push(text(left - 8, y + 13, name, 'text-anchor="end"'));
      parts.push(
        `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" fill="${colours[kind]}"/>`,
      );
      parts.push(text(left + length + 6, y + 13, `${value.toFixed(value < 10 ? 1 : 0)} µs`));
      y += barHeight + gap;
    }
  }
  const head = text(12, 24, title, 'font-weight="600" font-size="15"');
  const style = 'font-family="system-ui, sans-serif" font-size="12"';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + 12}" viewBox="0 0 ${width} ${y + 12}" ${style}>
<rect width="100%" height="100%" fill="#ffffff"/>
${head}
${parts.join('\n')}
</svg>
`;
}

function text(x: number, y: number, content: string, attributes = ''): string {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y}" fill="#1f2328" ${attributes}>${safe}</text>`;
}
