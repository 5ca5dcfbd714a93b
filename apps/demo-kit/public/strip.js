const length = 48;
const hues = 8;

const marks = {
  knew: { sign: '✓', words: 'knew you' },
  stranger: { sign: '✗', words: 'did not know you' },
  nobody: { sign: '–', words: 'nobody was logged in' },
  failed: { sign: '!', words: 'an error: nobody could look' },
};

export const hueOf = (worker) => String(((worker - 1) % hues) + 1);

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function emptyCell() {
  const cell = element('li', 'cell empty');
  cell.setAttribute('aria-hidden', 'true');
  return cell;
}

function filledCell({ kind, worker, pid }) {
  const { sign, words } = marks[kind];
  const cell = element('li', `cell ${kind}`);
  const who = worker === undefined ? 'no worker' : `Worker ${worker}, pid ${pid}`;
  if (worker !== undefined) cell.dataset.hue = hueOf(worker);
  cell.title = `${who}: ${words}`;

  const glance = element('span', 'glance');
  glance.setAttribute('aria-hidden', 'true');
  glance.append(element('b', '', worker === undefined ? '–' : String(worker)), element('i', '', sign));
  cell.append(glance, element('span', 'visually-hidden', cell.title));
  return cell;
}

/** The row of the last answers, with its legend and its sum. Knows nothing of requests. */
export function createStrip({ list, tally, legend, workers }) {
  const answers = [];
  list.replaceChildren(...Array.from({ length }, emptyCell));

  /** Which workers there are: one row has it, for all. */
  function drawLegend() {
    if (legend === undefined) return;
    const items = Array.from({ length: workers }, (_, index) => {
      const worker = index + 1;
      const own = answers.filter((answer) => answer.worker === worker);
      const swatch = element('span', 'cell swatch', String(worker));
      swatch.dataset.hue = hueOf(worker);
      swatch.setAttribute('aria-hidden', 'true');
      const pid = own.at(-1)?.pid;
      const item = element('li', '');
      item.append(swatch, `worker ${worker}${pid === undefined ? ', not seen yet' : `, pid ${pid}, ${own.length}×`}`);
      return item;
    });
    legend.replaceChildren(...items);
  }

  function drawTally() {
    const count = (kind) => answers.filter((answer) => answer.kind === kind).length;
    const parts = [
      [count('knew'), 'knew you'],
      [count('stranger'), 'did not'],
      [count('nobody'), 'with nobody logged in'],
      [count('failed'), 'failed'],
    ];
    const shown = parts.filter(([number]) => number > 0).map(([number, words]) => `${number} ${words}`);
    tally.textContent = shown.length === 0 ? 'No answer yet.' : shown.join(' · ');
  }

  drawLegend();
  return {
    add(answer) {
      answers.push(answer);
      if (answers.length > length) answers.shift();
      const cell = filledCell(answer);
      // Fill from the left; once full, the oldest leaves on the left and the newest comes in on the right.
      const free = list.querySelector('.empty');
      if (free === null) {
        list.firstElementChild.remove();
        list.append(cell);
      } else free.replaceWith(cell);
      drawLegend();
      drawTally();
    },
  };
}
