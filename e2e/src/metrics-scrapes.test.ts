import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Visitor, send } from './http-client.ts';
import { type MetricsApp, startMetricsApp } from './metrics-app.ts';
import { type Series, problemsOf, selectorsOf, seriesOf } from './metrics-selectors.ts';
import { codeOf } from './page-code.ts';
import { until } from './redis-server.ts';

const page = 'docs/monitoring.md';
const withPrometheus = codeOf(page, 'js', 'prom-client');
const withOpenTelemetry = codeOf(page, 'js', 'instrumentSessions');
const ways = { 'prom-client': withPrometheus, OpenTelemetry: withOpenTelemetry } as const;

/** What a counter stands at, all series with these labels together. */
function totalOf(scrape: string, name: string, labels = ''): number {
  const lines = scrape.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.filter((line) => line.includes(labels)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

const pidIn = (text: string): number => Number(/\d+$/m.exec(text)?.[0]);

/** Every query of the dashboard, and of the alerts of the page. */
function queries(): string[] {
  const file = fileURLToPath(new URL('../../docs/monitoring/grafana-dashboard.json', import.meta.url));
  const dashboard = JSON.parse(readFileSync(file, 'utf8')) as { panels: { targets: { expr: string }[] }[] };
  const rules = codeOf(page, 'yaml', 'alert:').split(/- alert: \w+\n/);
  return [
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...rules.slice(1).map((rule) => rule.replace(/^\s+expr:( >-)?/, '').replace(/\n\s+for:.*/, '')),
  ];
}

describe.each(Object.entries(ways))('the app of the page with %s', (way, code) => {
  let app: MetricsApp;
  beforeAll(async () => {
    app = await startMetricsApp(code, { everyEvent: false });
  }, 200_000);
  afterAll(() => app?.dispose());

  const opens = way === 'prom-client' ? 'sess_open_duration_seconds_count' : 'sess_open_duration_count';
  const commits = way === 'prom-client' ? 'sess_commit_duration_seconds_count' : 'sess_commit_duration_count';

  it('counts what visitors do, in whatever worker', { timeout: 60_000 }, async () => {
    const before = await app.scrape();
    const visitor = new Visitor(app.url.slice(0, -1));
    const forged = await send(app.url, { cookie: `sid=${'x'.repeat(43)}.${'y'.repeat(43)}` });
    expect(forged.status).toBe(200);
    for (let visit = 0; visit < 10; visit += 1) expect((await visitor.get('/')).status).toBe(200);
    const more = (after: string, name: string, labels?: string): number =>
      totalOf(after, name, labels) - totalOf(before, name, labels);
    // A worker may still have to tell of its last visit.
    const areCounted = (scraped: string) =>
      more(scraped, opens, 'found') >= 9 && more(scraped, commits, 'changed') >= 9;
    await until(async () => areCounted(await app.scrape()));
    const after = await app.scrape();
    expect(more(after, opens)).toBe(9);
    expect(more(after, commits, 'changed')).toBe(9);
    expect(more(after, commits, 'created')).toBeGreaterThanOrEqual(2);
    expect(more(after, 'sess_cookies_refused_total', 'bad_signature')).toBe(1);
  });

  it('counts the sessions that are stored', { timeout: 200_000 }, async () => {
    const complete = async () => totalOf(await app.scrape(), 'sess_active_complete');
    // A busy host may need more than the half second that a count has: the next one is made a minute later.
    await expect.poll(complete, { timeout: 150_000 }).toBe(1);
    expect(await app.scrape()).toMatch(/^sess_active(?:\{.*\})? \d+$/m);
  });

  it('tells nobody the cookie or the handle of a session', async () => {
    const { setCookies } = await send(app.url);
    const value = /^sid=([^;]+)/.exec(setCookies[0] ?? '')?.[1] ?? '';
    const [token = '', signature = ''] = value.split('.');
    expect([token.length, signature.length]).toEqual([43, 43]);
    await send(app.url, { cookie: `sid=${value}` });
    const told = (await app.scrape()) + app.output();
    const secrets = [token, signature, createHash('sha256').update(token).digest('hex')];
    expect(secrets.filter((secret) => told.includes(secret))).toEqual([]);
  });
});

describe('the app with prom-client', () => {
  it('adds up over workers that were killed: no counter falls', { timeout: 200_000 }, async () => {
    const app = await startMetricsApp(withPrometheus, { everyEvent: false });
    try {
      const name = 'sess_commit_duration_seconds_count';
      const visitor = new Visitor(app.url.slice(0, -1));
      const visits = async (count: number): Promise<number> => {
        let pid = 0;
        for (let visit = 0; visit < count; visit += 1) pid = pidIn((await visitor.get('/')).text);
        return pid;
      };
      let total = 0;
      for (const _round of [1, 2]) {
        const pid = await visits(8);
        total += 8;
        const told = totalOf;
        await until(async () => told(await app.scrape(), name) >= total);
        process.kill(pid, 'SIGKILL');
        await until(async () => {
          try {
            return !process.kill(pid, 0);
          } catch {
            return true;
          }
        });
        // What the killed worker had counted is still there, and once only.
        const seen = totalOf(await app.scrape(), name);
        expect(seen).toBeGreaterThanOrEqual(total);
        total = seen;
      }
      expect(total).toBeLessThan(16 + 16);
    } finally {
      await app.dispose();
    }
  });
});

describe('the queries of the dashboard and of the alerts', () => {
  let scrapes: Record<string, Series[]>;
  beforeAll(async () => {
    const ready = (series: readonly Series[]): boolean =>
      series.some(({ name }) => name === 'sess_conflicts_total') &&
      series.some(({ labels }) => labels.get('error_type') === 'STORE_FULL') &&
      // The last that a worker asks of the storage at its start.
      series.some(({ labels }) => labels.get('sess_operation') === 'noteApp');
    scrapes = {};
    for (const [way, code] of Object.entries(ways)) {
      const app = await startMetricsApp(code, { everyEvent: true });
      try {
        await until(async () => ready(seriesOf(await app.scrape())), 30_000);
        scrapes[way] = seriesOf(await app.scrape());
      } finally {
        await app.dispose();
      }
    }
  }, 400_000);

  it('are found', () => {
    expect(queries().length).toBeGreaterThan(20);
    expect(queries().filter((query) => selectorsOf(query).selectors.length === 0)).toEqual([]);
  });

  it.each(Object.keys(ways))('ask only for what a scrape of %s has', (way) => {
    const series = scrapes[way] ?? [];
    expect(series.length).toBeGreaterThan(50);
    expect(queries().flatMap((query) => problemsOf(query, series))).toEqual([]);
  });

  it.each([
    ['rate(sess_commits_total[5m])', 'no series ^(?:sess_commits_total)$'],
    ['sess_gone_totals{job="x"}', 'no series ^(?:sess_gone_totals)$'],
    ['{__name__=~"sess_opens(_seconds)?_count"}', 'no series ^(?:sess_opens(_seconds)?_count)$'],
    ['sess_dropped_total{sess_reason="late"}', 'no series ^(?:sess_dropped_total)$ with sess_reason "late"'],
    ['sess_dropped_total{reason=~"x"}', 'no series ^(?:sess_dropped_total)$ with reason "x"'],
    ['sum by (code) (sess_store_errors_total)', 'no label code to group by'],
  ])('would be found out: %s (the control)', (query, problem) => {
    for (const series of Object.values(scrapes)) expect(problemsOf(query, series)).toEqual([problem]);
  });

  it('use every metric there is, and both ways have the same', () => {
    const shapes = (series: readonly Series[]): string[] => {
      const own = series.filter(({ name }) => name.startsWith('sess_'));
      const lines = own.map(({ name, labels }) => {
        const kept = [...labels].filter(([label]) => label.startsWith('sess_') || label === 'error_type');
        return `${name.replace('_duration_seconds', '_duration')} ${kept
          .map((pair) => pair.join('='))
          .toSorted()
          .join()}`;
      });
      // The walk that counts is made beside the workers, by the primary process, in the one.
      return [...new Set(lines)].filter((line) => !line.includes('=walk')).toSorted();
    };
    expect(shapes(scrapes['prom-client'] ?? [])).toEqual(shapes(scrapes['OpenTelemetry'] ?? []));
    const asked = queries().flatMap((query) => selectorsOf(query).selectors);
    const all = (scrapes['OpenTelemetry'] ?? []).map(({ name }) => name).filter((name) => name.startsWith('sess_'));
    const unused = [...new Set(all)].filter(
      (name) => !/_(sum|count|bucket)$/.test(name) && !asked.some((selector) => selector.name.test(name)),
    );
    expect(unused).toEqual([]);
  });
});
