import { pageLinks } from './assets.ts';
import { type Html, html } from './html.ts';
import { answersCard, scriptlessCard, sessionCard, sessionsCard } from './page-cards.ts';
import { type PageView, placeOf } from './page-view.ts';

function stateCard({ user, worker, pid }: PageView): Html {
  const loggedIn = user !== undefined;
  const hiddenIf = (condition: boolean): Html => (condition ? html`hidden` : html``);
  return html`
    <section class="card state" aria-labelledby="state" data-logged-in="${String(loggedIn)}" id="state-card">
      <div class="state-text">
        <p class="eyebrow speaker">
          <span class="cell" id="speaker-swatch" data-hue="${((worker - 1) % 8) + 1}" aria-hidden="true"
            >${worker}</span
          >
          <span id="speaker">Worker ${worker} (pid ${pid}) says</span>
        </p>
        <h1 id="state">${loggedIn ? html`Logged in as ${user}` : 'Logged out'}</h1>
      </div>
      <form class="login" id="login-form" method="post" action="/api/login" ${hiddenIf(loggedIn)}>
        <label for="user">Your name</label>
        <div class="field-row">
          <input id="user" name="user" required maxlength="64" autocomplete="off" value="Ada" />
          <button class="button primary large" type="submit">Log in</button>
        </div>
        <p class="hint">Any name will do. There is no password.</p>
      </form>
      <div class="logout" id="logout-forms" ${hiddenIf(!loggedIn)}>
        <form method="post" action="/api/logout" id="logout-form">
          <button class="button" type="submit">Log out</button>
        </form>
        <form method="post" action="/api/logout-everywhere" id="logout-everywhere-form">
          <button class="button" type="submit">Log out everywhere</button>
        </form>
      </div>
    </section>
  `;
}

export function storeCard({ store, why }: PageView): Html {
  const { name, meaning } = placeOf(store);
  return html`
    <section class="card store" aria-labelledby="store-title">
      <h2 class="eyebrow" id="store-title">Sessions are kept in</h2>
      <p class="store-name">${name} <code>${store}</code></p>
      <p>${meaning}</p>
      <p class="hint"><span class="why">Why this one:</span> ${why}</p>
    </section>
  `;
}

export function masthead({ framework, workers }: PageView): Html {
  return html`<header class="frame masthead">
    <p class="brand"><span class="mark" aria-hidden="true"></span>@sess <span>${framework} demo</span></p>
    <p class="lead">${workers} worker processes answer this page in turn. Log in once: each of them should know you.</p>
  </header>`;
}

/** The page as the server knows it. Its script takes over from there; without a script the forms still work. */
export function renderPage(view: PageView): Html {
  const { framework, workers, user, worker, pid, store } = view;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${framework} demo · @sess</title>
        ${pageLinks}
        <script type="module" src="/app.js"></script>
      </head>
      <body
        data-store="${store}"
        data-user="${user ?? ''}"
        data-worker="${worker}"
        data-pid="${pid}"
        data-workers="${workers}"
      >
        ${masthead(view)}
        <main class="frame">
          ${stateCard(view)} ${storeCard(view)} ${scriptlessCard()} ${answersCard(view)} ${sessionCard()}
          ${sessionsCard()}
        </main>
      </body>
    </html>`;
}
