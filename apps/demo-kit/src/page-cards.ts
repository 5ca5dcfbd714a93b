import { type Html, html } from './html.ts';
import { type PageView, placeOf } from './page-view.ts';

/** The cards below ask the workers by script. Without one they would only show zeros, so `app.js` uncovers them. */
export function scriptlessCard(): Html {
  return html`<noscript>
    <section class="card" aria-labelledby="scriptless-title">
      <h2 id="scriptless-title">Without JavaScript</h2>
      <p>
        Logging in and out works as it is. Reload the page a few times: another worker answers each time, and what it
        says above should stay the same.
      </p>
    </section>
  </noscript>`;
}

/** One row of answers, and what they add up to. */
function side(id: string, title: Html): Html {
  return html`<section class="side" aria-labelledby="${id}-title">
    <h3 id="${id}-title">${title}</h3>
    <p class="hint" id="${id}-tally">No answer yet.</p>
    <ol class="strip" id="${id}" aria-labelledby="${id}-title"></ol>
  </section>`;
}

/** Where the demo itself keeps sessions in memory there is nothing to see beside it. */
const comparison = html`${side('memory-strip', html`The memory of each worker <code>memory</code>`)}`;

export function answersCard({ store }: Pick<PageView, 'store'>): Html {
  const { name } = placeOf(store);
  return html`
    <section class="card answers" aria-labelledby="answers-title" data-scripted hidden>
      <h2 id="answers-title">The last answers</h2>
      <div class="sides">
        ${side('strip', html`${name} <code>${store}</code>`)} ${store === 'memory' ? html`` : comparison}
      </div>
      <div class="legend">
        <ul class="marks" aria-label="What the marks mean">
          <li><span class="cell knew" aria-hidden="true">✓</span> knew you</li>
          <li><span class="cell stranger" aria-hidden="true">✗</span> did not</li>
          <li><span class="cell nobody" aria-hidden="true">–</span> nobody was logged in</li>
          <li><span class="cell failed" aria-hidden="true">!</span> an error: nobody could look</li>
        </ul>
        <ul class="workers" id="workers" aria-label="The workers that answered"></ul>
      </div>
      <div class="actions" role="group" aria-label="Ask the workers">
        <button class="button primary" type="button" id="refresh-40">Refresh 40 times at once</button>
        <button class="button" type="button" id="count-40">Count 40 times at once</button>
        <button class="button" type="button" id="refresh-1">Refresh once</button>
      </div>
      <div class="actions" role="group" aria-label="Break something">
        <button class="button" type="button" id="kill">Kill a worker</button>
        ${store === 'cookie' ? html`` : html`<button class="button" type="button" id="cut">Stop the store for 4 s</button>`}
      </div>
      <p class="message" id="message" role="status" aria-live="polite">
        Once you are logged in, refresh 40 times at once.
      </p>
    </section>
  `;
}

export function sessionCard(): Html {
  return html`
    <section class="card session" aria-labelledby="session-title" data-scripted hidden>
      <h2 id="session-title">This session</h2>
      <table class="facts">
        <tbody>
          <tr>
            <th scope="row">Handle</th>
            <td id="fact-handle">none</td>
          </tr>
          <tr>
            <th scope="row">Views counted</th>
            <td id="fact-views">0</td>
          </tr>
          <tr>
            <th scope="row">Keys</th>
            <td id="fact-keys">none</td>
          </tr>
        </tbody>
      </table>
      <p class="hint">The handle is the public name of a session. The token in your cookie is not shown anywhere.</p>
    </section>
  `;
}

export function sessionsCard(): Html {
  return html`
    <section class="card sessions" aria-labelledby="sessions-title" data-scripted hidden>
      <h2 id="sessions-title" tabindex="-1">Your sessions</h2>
      <table id="sessions" hidden>
        <thead>
          <tr>
            <th scope="col">Device</th>
            <th scope="col">Logged in</th>
            <th scope="col">Last seen</th>
            <th scope="col"><span class="visually-hidden">Revoke</span></th>
          </tr>
        </thead>
        <tbody id="sessions-body"></tbody>
      </table>
      <p class="hint" id="sessions-hint">
        Log in, also in another browser or a private window, to see them side by side.
      </p>
    </section>
  `;
}
