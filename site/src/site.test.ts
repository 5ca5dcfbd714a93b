import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allPages, apiPages } from '../.vitepress/pages.ts';
import { sequenceDiagram } from '../.vitepress/sequence-diagram.ts';
import { siteLinkTo } from '../.vitepress/site-path.ts';
import { barriersOn } from './barriers.ts';
import { deadLinks, loadedFromElsewhere, pagesOf } from './links.ts';
import { type FolderServer, serveFolder } from './serve-folder.ts';

const site = fileURLToPath(new URL('..', import.meta.url));

/** What people ask, and where the answer may stand. */
const questions: readonly (readonly [string, RegExp])[] = [
  ['remember me', /remember-me/],
  ['devices', /devices/],
  ['limit devices', /limits-on-devices/],
  ['log out everywhere', /log-out-everywhere/],
  ['logged out after a deploy', /troubleshooting/],
  ['cookie is not set', /troubleshooting/],
  ['how many workers', /how-many-workers/],
  ['which store', /which-store|choosing-a-store/],
  ['two apps', /two-apps|troubleshooting/],
  ['behind a proxy', /behind-nginx/],
  ['behind nginx', /behind-nginx/],
  ['pm2', /pm2/],
  ['docker compose', /docker-compose/],
  ['kubernetes', /containers/],
  ['socket.io', /live-connections|websockets/],
  ['Jest', /tests|testing/],
  ['Fastify', /fastify/],
  ['Hono', /hono/],
  ['Next.js', /next/],
  ['Lambda', /aws-lambda/],
  ['NestJS', /nestjs/],
  ['Nuxt', /nuxt/],
  ['SvelteKit', /sveltekit/],
  ['Astro', /astro/],
  ['React Router', /react-router/],
  ['Bun', /bun-and-deno/],
  ['PostgreSQL', /postgres/],
  ['Redis Cluster', /redis|cluster/],
  ['moving from express-session', /migration.*express-session/],
  ['migrate from express-session', /migration.*express-session/],
  ['passport', /passport/],
  ['typescript', /typescript/],
  ['csrf', /csrf/],
  ['change of password', /change-of-password/],
  ['rotating the secret', /rotating-the-secret/],
  ['uploads', /uploads/],
  ['flash messages', /flash/],
  ['shopping cart', /cart/],
  ['what not to keep', /what-not-to-keep/],
  ['api on another origin', /another-origin/],
];

const looks = [
  { width: 1280, colorScheme: 'light' },
  { width: 1280, colorScheme: 'dark' },
  { width: 375, colorScheme: 'light' },
  { width: 375, colorScheme: 'dark' },
] as const;

/** The bar, the sidebar and the outline are the same on all pages of a kind. */
const ofEachKind = [
  'index.html',
  'overview.html',
  'docs/recipes/cart.html',
  'api/@sess/redis.html',
  'source/packages/core/src/store.ts.html',
  'changelog/index.html',
  '404.html',
];

let folder: string;
let pages: Map<string, string>;
/** What the API reference found without a comment. */
let undocumented: string;

/** Built as `npm run docs:build` does, which fails on links to pages that are not there. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sess-site-'));
  const vitepress = join(createRequire(import.meta.url).resolve('vitepress/package.json'), '../bin/vitepress.js');
  const { PATH, HOME } = process.env;
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, args, { cwd: site, env: { PATH, HOME }, maxBuffer: 32 * 1024 * 1024 });
  undocumented = await run('make-api.mjs').then(
    () => '',
    ({ stderr }: { stderr: string }) => stderr,
  );
  await run(vitepress, 'build', '--outDir', folder);
  pages = pagesOf(folder);
}, 240_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fileOf = (link: string): string => (link.endsWith('/') ? `${link}index.html` : link).slice(1);

describe('the site', () => {
  it('has every page of the repository, with its own title', () => {
    expect(allPages().length).toBeGreaterThan(12);
    expect(allPages().filter((page) => !pages.has(fileOf(siteLinkTo(page))))).toEqual([]);
    expect(pages.get('index.html')).toMatch(/<h1[^>]*>Logged in on <em[^>]*>every<\/em> worker<\/h1>/);
    expect(pages.get('overview.html')).toContain('Sessions for Node.js web apps that run as several worker processes');
    expect(pages.get('docs/errors.html')).toMatch(/<title>Errors \| sess<\/title>/);
  });

  it('leads to every page from its sidebar', () => {
    const sidebar = /<nav[^>]*id="VPSidebarNav"[\s\S]*?<\/nav>/.exec(pages.get('overview.html') ?? '')?.[0] ?? '';
    expect(allPages().filter((page) => !sidebar.includes(`href="${siteLinkTo(page)}"`))).toEqual([]);
  });

  it('says of each page what a chat shows of a link to it', () => {
    expect(pages.get('docs/errors.html')).toMatch(/<meta property="og:title" content="Errors \| sess">/);
    for (const [page, html] of pages) expect(html, `${page} has an icon`).toContain('rel="icon"');
  });

  it('has a sentence for every name that can be imported, and for every property of it', () => {
    expect(undocumented).toBe('');
    expect(apiPages().length).toBeGreaterThan(8);
    const core = pages.get(fileOf(siteLinkTo(apiPages().find((page) => page.endsWith('/core.md')) ?? '')));
    expect(core).toMatch(/What to call the device in <code>list\(owner\)<\/code>: (?:"|&quot;)Firefox on Linux/);
    expect(core).toContain('id="createsessions"');
  });

  it.each([
    ['redis', ['url', 'client', 'prefix', 'durability', 'replicas', 'timeoutms']],
    [
      'postgres',
      ['url', 'pool', 'connections', 'schema', 'table', 'createtables', 'unlogged', 'sweepeveryms', 'gracems'],
    ],
  ])('explains every option of the store %s', (name, options) => {
    const page = pages.get(`api/@sess/${name}.html`) ?? '';
    expect(options.filter((option) => !page.includes(`id="${option}"`))).toEqual([]);
    expect(page).not.toContain('CommonOptions');
  });

  it('draws diagrams as pictures that say in words what they show', () => {
    const page = pages.get('docs/architecture.html') ?? '';
    expect(page).toMatch(/<svg role="img" aria-label="Browser to Adapter: request, Cookie: sid=token\.signature\./);
    expect(page).not.toContain('sequenceDiagram');
    expect(() => sequenceDiagram('sequenceDiagram\nloop for ever')).toThrow(/cannot be drawn: loop/);
    expect(() => sequenceDiagram('A->>B: x')).toThrow(/No participant A/);
  });

  it('leads from the guides to the reference', () => {
    expect(pages.get('docs/configuration.html')).toMatch(/<a href="\/api\/@sess\/core\.html#createsessions"><code/);
    const isLinked = (page: string): boolean => / href="\/api\/@sess\/[^"#]+#[^"]+"><code/.test(pages.get(page) ?? '');
    const guides = [...pages.keys()].filter((page) => /^docs\/[\w-]+\.html$/.test(page));
    expect(guides.length).toBeGreaterThan(13);
    // These have figures, and may name nothing.
    const ofFigures = ['docs/performance.html', 'docs/reliability.html'];
    expect(guides.filter((page) => !isLinked(page) && !ofFigures.includes(page))).toEqual([]);
    expect(
      [...pages.keys()].filter((page) => page.startsWith('docs/recipes/') && isLinked(page)).length,
    ).toBeGreaterThan(8);
  });

  it('has the picture that chats show of a link', () => {
    const picture = readFileSync(join(folder, 'card.png'));
    expect([picture.readUInt32BE(16), picture.readUInt32BE(20)]).toEqual([1200, 630]);
  });

  it('tells what has changed', () => {
    expect(pages.get('changelog/index.html')).toMatch(/Not released yet|<h2/);
  });

  it('shows the sources that the pages link to', () => {
    expect(pages.get('source/packages/core/src/store.ts.html')).toContain('SessionStore');
  });

  it('has no link to a page or an anchor that is not there', () => {
    expect(deadLinks(pages)).toEqual([]);
  });

  it('would be found to have one', () => {
    const planted = new Map([
      ['index.html', '<a href="/docs/a.html#there">x</a><a class="y" href="/docs/b.html">x</a><a href="#no">x</a>'],
      ['docs/a.html', '<h2 id="there">x</h2><a href="../">x</a><a href="./a.html#not">x</a>'],
    ]);
    expect(deadLinks(planted)).toEqual(['index.html: /docs/b.html', 'index.html: #no', 'docs/a.html: ./a.html#not']);
    expect(loadedFromElsewhere('<link rel="x" href="//fonts.example/inter.css"><a href="https://a.example">')).toEqual([
      '//fonts.example/inter.css',
    ]);
  });

  it('loads nothing from elsewhere, and names no package registry', () => {
    for (const [page, html] of pages) {
      expect(loadedFromElsewhere(html), `${page} loads`).toEqual([]);
      expect(html, `${page} names`).not.toMatch(/registry\.|npmjs/);
    }
  });
});

describe('in a browser', { timeout: 600_000 }, () => {
  let server: FolderServer;
  let browser: Browser;

  beforeAll(async () => {
    server = await serveFolder(folder);
    browser = await chromium.launch({
      executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-background-networking',
        '--disable-sync',
        '--no-first-run',
        '--no-proxy-server',
      ],
    });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it.each([
    { width: 1280, colorScheme: 'light' as const },
    { width: 375, colorScheme: 'dark' as const },
  ])('every page fits $width px in $colorScheme: no barriers, complaints or requests elsewhere', async (look) => {
    const { width, colorScheme } = look;
    const context = await browser.newContext({
      viewport: { width, height: 800 },
      colorScheme,
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    const complaints: string[] = [];
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('request', (request) => {
      if (!/^(?:data|blob):/.test(request.url()) && !request.url().startsWith(server.url))
        complaints.push(request.url());
    });
    const found: unknown[] = [];
    for (const file of ['site/front/index.md', ...allPages()]) {
      await page.goto(server.url + siteLinkTo(file));
      await page.waitForSelector('.vp-doc h1, .front h1');
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      const isDark = await page.evaluate(() => document.documentElement.classList.contains('dark'));
      const barriers = await barriersOn(page, { within: '#VPContent', rules: width === 1280 ? 'all' : 'of looks' });
      const wrong = [...complaints.splice(0), ...barriers];
      if (overflow > 0 || wrong.length > 0 || isDark !== (colorScheme === 'dark'))
        found.push({ file, overflow, isDark, wrong: wrong.slice(0, 20) });
    }
    expect(found).toEqual([]);
    await context.close();
  });

  it.each(looks)('what frames the pages has no barrier at $width px in $colorScheme', async (look) => {
    const page = await browser.newPage({
      viewport: { width: look.width, height: 800 },
      colorScheme: look.colorScheme,
      reducedMotion: 'reduce',
    });
    const found: string[] = [];
    for (const file of ofEachKind) {
      await page.goto(`${server.url}/${file}`);
      await page.waitForSelector('h1');
      for (const barrier of await barriersOn(page)) found.push(`${file}: ${barrier}`);
    }
    expect(found).toEqual([]);
    await page.close();
  });

  it('answers everyday questions by the first or second hit of its search', async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(`${server.url}/overview.html`);
    await page.click('.VPNavBarSearch button');
    const misses: string[] = [];
    for (const [question, wanted] of questions) {
      await page.fill('.search-input', question);
      const isAnswered = await page
        .waitForFunction(
          (pattern) =>
            [...document.querySelectorAll('.results .result')]
              .slice(0, 2)
              .some((hit) => new RegExp(pattern).test(hit.getAttribute('href') ?? '')),
          wanted.source,
          { timeout: 10_000 },
        )
        .then(
          () => true,
          () => false,
        );
      if (!isAnswered) misses.push(question);
    }
    expect(misses).toEqual([]);
    await page.fill('.search-input', 'STORE_CORRUPT');
    await page.locator('.results .result', { hasText: 'STORE_CORRUPT' }).first().click();
    await page.waitForURL(/errors\.html/);
    // The address changes before the page does.
    await expect.poll(() => page.innerText('.vp-doc h1'), { timeout: 15_000 }).toContain('Errors');
    await page.close();
  });

  it('plays what a visitor sees, and stands still for those who want that', async () => {
    const page = await browser.newPage({ reducedMotion: 'reduce' });
    await page.goto(server.url);
    const counts = page.locator('.run .count');
    expect(await counts.nth(1).innerText()).toBe('24 of 24 knew Ada');
    expect(await counts.nth(0).innerText()).toMatch(/^\d of 24 knew Ada$/);
    await page.getByRole('button', { name: 'Play again' }).click();
    await expect.poll(() => page.locator('.run .coming').count()).toBeGreaterThan(0);
    await page.getByRole('button', { name: 'Stop' }).click();
    expect(await page.locator('.run .coming').count()).toBe(0);
    await page.getByRole('tab').or(page.locator('.vp-code-group label')).filter({ hasText: 'Koa' }).click();
    await page.locator('.vp-code-group div.active', { hasText: '@sess/koa' }).waitFor();
    await page.close();
  });
});
