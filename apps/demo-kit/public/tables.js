const shorten = (handle) => `${handle.slice(0, 8)}…`;

function handleCode(handle) {
  const code = document.createElement('code');
  code.textContent = shorten(handle);
  code.title = handle;
  return code;
}

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

function ago(time) {
  const past = Math.max(0, Date.now() - Date.parse(time));
  const words = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'short' });
  const unit = units.find(([, ms]) => past >= ms);
  return unit === undefined ? 'just now' : words.format(-Math.floor(past / unit[1]), unit[0]);
}

function timeCell(time) {
  const cell = document.createElement('td');
  const made = document.createElement('time');
  made.dateTime = time;
  made.title = new Date(time).toLocaleString('en');
  made.textContent = ago(time);
  cell.append(made);
  return cell;
}

/** What `/api/me` says of the session that this browser holds. */
export function showSession({ handle, views, keys }) {
  const put = (id, content) => document.getElementById(id).replaceChildren(content);
  put('fact-handle', handle === null ? 'none' : handleCode(handle));
  put('fact-views', String(views));
  put('fact-keys', keys.length === 0 ? 'none' : keys.join(', '));
}

function deviceCell({ handle, device }) {
  const cell = document.createElement('th');
  cell.scope = 'row';
  const name = document.createElement('span');
  name.className = 'device';
  name.textContent = device ?? 'Unknown device';
  cell.append(name, handleCode(handle));
  return cell;
}

function sessionRow({ handle, device, createdAt, touchedAt, current }, revoke) {
  const row = document.createElement('tr');
  const last = document.createElement('td');
  if (current) {
    const badge = document.createElement('span');
    badge.className = 'badge';
    badge.textContent = 'this one';
    last.append(badge);
  } else {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'button small';
    button.textContent = 'Revoke';
    button.setAttribute('aria-label', `Revoke ${device ?? 'Unknown device'}, session ${shorten(handle)}`);
    button.addEventListener('click', () => revoke(handle));
    last.append(button);
  }
  row.append(deviceCell({ handle, device }), timeCell(createdAt), timeCell(touchedAt), last);
  return row;
}

/** One's own sessions, newest first; `hint` stands in for an empty table. */
export function showSessions(sessions, hint, revoke) {
  const newestFirst = sessions.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt));
  document.getElementById('sessions-body').replaceChildren(...newestFirst.map((one) => sessionRow(one, revoke)));
  document.getElementById('sessions').hidden = sessions.length === 0;
  const place = document.getElementById('sessions-hint');
  place.textContent = hint;
  place.hidden = hint === '';
}
