import { describe, expect, it } from 'vitest';
import { barChart } from './chart.ts';

describe('the picture', () => {
  const bars = [
    { name: 'a & <b>', value: 100, kind: 'peer' as const },
    { name: 'ours', value: 25, kind: 'ours' as const },
    { name: 'none', value: -1, kind: 'floor' as const },
  ];
  const svg = barChart('Title', [{ title: 'Panel', bars }]);

  it('has bars as long as their figures, by the longest of their panel', () => {
    const lengths = [...svg.matchAll(/<rect x="300" y="\d+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
    expect(lengths).toEqual([370, 92.5, 1]);
  });

  it('tells names and figures as text', () => {
    expect(svg).toContain('a &amp; &lt;b>');
    expect(svg).toContain('25 µs');
    expect(svg.match(/<text/g)?.length).toBe(8);
  });
});
