import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core';

/** Debian's Chromium. As root it has no sandbox; it must not call home from a test either. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-default-apps',
      '--disable-sync',
      '--no-first-run',
      '--no-proxy-server',
    ],
  });
}

export interface Tab {
  readonly page: Page;
  /** What the page complained about: errors of scripts, of the network, of the content security policy. */
  readonly complaints: string[];
  close(): Promise<void>;
}

/** A browser of its own, as far as cookies go. */
export async function openTab(browser: Browser, options: BrowserContextOptions = {}): Promise<Tab> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  return { page, complaints, close: () => context.close() };
}

/** Where a person may look at what the browser saw. */
export function screenshotDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'sess-screenshots-'));
}
