import { pageLinks } from './assets.ts';
import { type Html, html } from './html.ts';

/** For a browser without JavaScript, or one that opened the page while the store was down. */
export function problemPage(status: number, code: string, sentence: string): Html {
  const title = status === 503 ? 'The session store does not answer' : 'That did not work';
  const comfort =
    status === 503
      ? 'You have not been logged out: nobody could look. When the store is back, so are you.'
      : status < 500
        ? 'Nothing was changed.'
        : 'Go back and look whether it was done after all.';
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${pageLinks}
      </head>
      <body>
        <main class="frame problem-page">
          <section class="card">
            <p class="eyebrow">${status} ${code}</p>
            <h1>${title}</h1>
            <p>${sentence}</p>
            <p>${comfort}</p>
            <p><a class="button" href="/">Back to the demo</a></p>
          </section>
        </main>
      </body>
    </html>`;
}
