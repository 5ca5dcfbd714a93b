/**
 * Draws the sequence diagrams of the pages as SVG when the site is built. They are written in the language of Mermaid,
 * which GitHub draws too. Mermaid itself draws in a browser alone, and is larger than the rest of the site together; of its
 * language this knows what the pages use, and stops the build at anything else.
 */

interface Message {
  readonly kind: 'message';
  readonly from: number;
  readonly to: number;
  readonly isAnswer: boolean;
  readonly text: string;
}

interface Note {
  readonly kind: 'note';
  readonly over: number;
  readonly text: string;
}

interface Diagram {
  readonly actors: readonly string[];
  readonly steps: readonly (Message | Note)[];
}

const column = 210;
const margin = 90;
const headHeight = 44;
const rowHeight = 46;
const width = (actors: number): number => 2 * margin + (actors - 1) * column;
const xOf = (actor: number): number => margin + actor * column;
const yOf = (step: number): number => headHeight + 40 + step * rowHeight;

/** @throws for a line that it cannot draw */
function parse(source: string): Diagram {
  const names: string[] = [];
  const actors: string[] = [];
  const steps: (Message | Note)[] = [];
  const at = (name: string, line: string): number => {
    const found = names.indexOf(name);
    if (found < 0) throw new Error(`No participant ${name} in a diagram: ${line}`);
    return found;
  };
  for (const line of source.split('\n').map((text) => text.trim())) {
    if (line === '' || line === 'sequenceDiagram') continue;
    const actor = /^participant (\w+) as (.+)$/.exec(line);
    const note = /^Note over (\w+): (.+)$/.exec(line);
    const message = /^(\w+)(--?)>>(\w+): (.+)$/.exec(line);
    if (actor) {
      names.push(actor[1] ?? '');
      actors.push(actor[2] ?? '');
    } else if (note) steps.push({ kind: 'note', over: at(note[1] ?? '', line), text: note[2] ?? '' });
    else if (message) {
      const [, from = '', dashes, to = '', text = ''] = message;
      steps.push({ kind: 'message', from: at(from, line), to: at(to, line), isAnswer: dashes === '--', text });
    } else throw new Error(`A diagram has a line that cannot be drawn: ${line}`);
  }
  return { actors, steps };
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

function drawStep(step: Message | Note, index: number): string {
  const y = yOf(index);
  if (step.kind === 'note') {
    const half = Math.max(60, step.text.length * 3.9);
    const x = Math.max(xOf(step.over), half + 4);
    return `<rect class="note" x="${x - half}" y="${y - 26}" width="${2 * half}" height="30" rx="6"/><text x="${x}" y="${y - 6}">${escape(step.text)}</text>`;
  }
  const [from, to] = [xOf(step.from), xOf(step.to)];
  const dashed = step.isAnswer ? ' class="answer"' : '';
  // The text is on the left, since there is no room on the right of the last actor.
  if (step.from === step.to)
    return `<path d="M${from} ${y - 16}h26v18h-20" marker-end="url(#arrow)"/><text class="own" x="${from - 10}" y="${y - 2}">${escape(step.text)}</text>`;
  return `<path${dashed} d="M${from} ${y}H${to + (to > from ? -4 : 4)}" marker-end="url(#arrow)"/><text x="${(from + to) / 2}" y="${y - 8}">${escape(step.text)}</text>`;
}

function drawActor(name: string, index: number, bottom: number): string {
  const x = xOf(index);
  return `<path class="life" d="M${x} ${headHeight}V${bottom}"/><rect class="actor" x="${x - 70}" y="6" width="140" height="34" rx="8"/><text class="name" x="${x}" y="28">${escape(name)}</text>`;
}

/** What the diagram says, for those who do not see it: the same steps as sentences. */
function describe({ actors, steps }: Diagram): string {
  const sentences = steps.map((step) =>
    step.kind === 'note'
      ? `${actors[step.over]}: ${step.text}.`
      : `${actors[step.from]} to ${actors[step.to]}: ${step.text}.`,
  );
  return sentences.join(' ');
}

/** The diagram as an element of a page. Its colours are the page's, light and dark. */
export function sequenceDiagram(source: string): string {
  const diagram = parse(source);
  const { actors, steps } = diagram;
  const bottom = yOf(steps.length);
  const body = [
    ...actors.map((name, index) => drawActor(name, index, bottom)),
    ...steps.map((step, index) => drawStep(step, index)),
  ].join('');
  const arrow =
    '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path d="M0 0 10 5 0 10z"/></marker></defs>';
  const w = width(actors.length);
  return `<div class="diagram" tabindex="0" role="group" aria-label="Diagram"><svg role="img" aria-label="${escape(describe(diagram))}" viewBox="0 0 ${w} ${bottom + 6}" width="${w}" height="${bottom + 6}" xmlns="http://www.w3.org/2000/svg">${arrow}${body}</svg></div>\n`;
}
