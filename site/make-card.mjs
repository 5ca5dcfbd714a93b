// Draws the picture that chats show of a link to the site, public/card.png: `npm run make:card`. It wants Chromium.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const publicFile = (name) => fileURLToPath(new URL(`public/${name}`, import.meta.url));
const icon = readFileSync(publicFile('icon.svg'), 'utf8');
const { memory, fs } = JSON.parse(readFileSync(new URL('front/flicker.json', import.meta.url), 'utf8'));

const cells = (answers) =>
  answers.map(({ worker, knew }) => `<i class="${knew ? 'knew' : 'stranger'}">${worker}</i>`).join('');

const page = `<!doctype html><style>
  body { margin: 0; width: 1200px; height: 630px; box-sizing: border-box; padding: 70px 80px; background: #f6f6f3;
    color: #1d1e22; font-family: system-ui, 'Liberation Sans', sans-serif; }
  svg { width: 84px; height: 84px; }
  h1 { margin: 26px 0 10px; font-size: 84px; letter-spacing: -0.03em; line-height: 1; }
  em { color: #3f4fc4; font-style: normal; }
  p { margin: 0 0 40px; font-size: 31px; color: #5a5c64; }
  div { display: grid; grid-template-columns: repeat(24, 1fr); gap: 7px; margin-bottom: 14px; }
  i { border: 3px solid #1c7a45; border-radius: 8px; background: #1c7a45; color: #fff; font: 600 19px/34px system-ui;
    text-align: center; }
  i.stranger { border-color: #b3261e; border-style: dashed; background: none; color: #b3261e; }
</style>${icon}<h1>Logged in on <em>every</em> worker</h1>
<p>Sessions for Node.js web apps that run as several processes</p>
<div>${cells(memory)}</div><div>${cells(fs)}</div>`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--no-proxy-server'],
});
const tab = await browser.newPage({ viewport: { width: 1200, height: 630 } });
await tab.setContent(page);
await tab.screenshot({ path: publicFile('card.png') });
await browser.close();
