import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allPages } from '../.vitepress/pages.ts';
import { siteLinkTo } from '../.vitepress/site-path.ts';
import { deadLinks, loadedFromElsewhere, pagesOf } from './links.ts';
import { type FolderServer, serveFolder } from './serve-folder.ts';

const site = fileURLToPath(new URL('..', import.meta.url));

let folder: string;
let pages: Map<string, string>;

/** Built as `npm run docs:build` does, which fails on links to pages that are not there. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sess-site-'));
  const vitepress = join(createRequire(import.meta.url).resolve('vitepress/package.json'), '../bin/vitepress.js');
  const { PATH, HOME } = process.env;
  await promisify(execFile)(process.execPath, [vitepress, 'build', '--outDir', folder], {
    cwd: site,
    env: { PATH, HOME },
  });
  pages = pagesOf(folder);
}, 240_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fileOf = (link: string): string => (link.endsWith('/') ? `${link}index.html` : link).slice(1);

describe('the site', () => {
  it('has every page of the repository, with its own title', () => {
    expect(allPages().length).toBeGreaterThan(12);
    expect(allPages().filter((page) => !pages.has(fileOf(siteLinkTo(page))))).toEqual([]);
    expect(pages.get('index.html')).toContain('Sessions for Node.js web apps that run as several worker processes');
    expect(pages.get('docs/errors.html')).toMatch(/<title>Errors \| sess<\/title>/);
  });

  it('leads to every page from its sidebar', () => {
    const sidebar = /<nav[^>]*id="VPSidebarNav"[\s\S]*?<\/nav>/.exec(pages.get('index.html') ?? '')?.[0] ?? '';
    expect(allPages().filter((page) => !sidebar.includes(`href="${siteLinkTo(page)}"`))).toEqual([]);
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

describe('in a browser', { timeout: 120_000 }, () => {
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
    { width: 390, colorScheme: 'dark' as const },
  ])('every page fits $width px in $colorScheme, without a complaint or a request elsewhere', async (look) => {
    const { width, colorScheme } = look;
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
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
    for (const file of allPages()) {
      await page.goto(server.url + siteLinkTo(file));
      await page.waitForSelector('.vp-doc h1');
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect({ file, overflow, complaints }).toEqual({ file, overflow: 0, complaints: [] });
      expect(await page.evaluate(() => document.documentElement.classList.contains('dark'))).toBe(
        colorScheme === 'dark',
      );
    }
    await context.close();
  });

  it('finds an error code by its search', async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(server.url);
    await page.click('.VPNavBarSearch button');
    await page.fill('.search-input', 'STORE_CORRUPT');
    await page.waitForSelector('.results .result');
    await page.click('.results .result >> nth=0');
    await page.waitForURL(/errors\.html/);
    await page.waitForFunction(() => document.querySelector('.vp-doc h1')?.textContent?.startsWith('Errors'));
    expect(await page.innerText('.vp-doc h1')).toContain('Errors');
    await page.close();
  });
});
