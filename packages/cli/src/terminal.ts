import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { styleText } from 'node:util';
import { exitCodes } from './exit-codes.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Standard output or standard error, as the commands write to it. */
export interface Screen {
  /** Whether it is a terminal, which a person looks at. */
  readonly isTerminal: boolean;
  /** How long a line of sentences may be. In a pipe nothing is wrapped, so that `grep` finds whole sentences. */
  readonly columns: number;
  /** How long a line of a table may be. */
  readonly width: number;
  /** Writes a line. What could command a terminal is escaped, colours excepted. */
  line(text?: string): void;
  /** Writes a value as JSON that commands no terminal either. */
  json(value: unknown): void;
  /** Resolves when whoever reads has taken what was written: a long listing does not pile up in memory. */
  drained(): Promise<void>;
  /** Colours for terminals that have them and nowhere else: not in a pipe, not with NO_COLOR. */
  paint(style: Style | Style[], text: string): string;
}

export interface Terminal {
  /** What was asked for. */
  readonly out: Screen;
  /** What is said about it: warnings, progress, questions. */
  readonly err: Screen;
}

export function openTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', endWithoutOutput);
  return { out: screen(process.stdout), err: screen(process.stderr) };
}

/** The disk is full, for one. `sess list | head -1` is no failure: the reader has had enough. */
function endWithoutOutput(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit();
  try {
    // Not by the stream: it may be the one that failed, and would end later than this process.
    writeSync(2, `error: The output cannot be written (${error.code}). What was asked for may have been done.\n`);
  } catch {
    // Standard error is on the same disk. The exit code is left.
  }
  process.exit(exitCodes.output);
}

/** Lines longer than this are hard to read, however wide the window is. */
const WIDEST = 100;

function screen(stream: NodeJS.WriteStream): Screen {
  const isTerminal = stream.isTTY === true;
  const hasColours = isTerminal && stream.hasColors();
  function write(text: string): void {
    try {
      stream.write(text);
    } catch (error) {
      // Node 20 throws what a file refuses; newer versions emit it.
      endWithoutOutput(error instanceof Error ? error : new Error(String(error)));
    }
  }
  return {
    isTerminal,
    columns: isTerminal ? Math.min(stream.columns || 80, WIDEST) : Infinity,
    width: isTerminal ? stream.columns || 80 : Infinity,
    line: (text = '') => write(`${harmless(text)}\n`),
    json: (value) => write(`${jsonText(JSON.stringify(value, undefined, 2))}\n`),
    async drained() {
      if (stream.writableNeedDrain) await once(stream, 'drain');
    },
    // Not judged again by styleText, which would look at standard output for standard error too.
    paint: (style, text) => (hasColours ? styleText(style, text, { validateStream: false }) : text),
  };
}

/** Breaks a sentence into lines, all but the first one indented. */
export function wrap(text: string, columns: number, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}

/** Control characters (C0, DEL, C1), those that turn the direction of a text, and separators of lines. */
const commanding = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/**
 * A text from a session (an owner, the name of a key) as it can be shown: whoever signs up with the
 * name `ESC[2J` must not command the terminal of the operator, nor add a line or a column to a list.
 */
export function printable(text: string): string {
  return text.replaceAll(commanding, escaped);
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

/** The same for a whole line, whose tabs, line breaks and colours are our own. */
function harmless(line: string): string {
  // oxlint-disable-next-line no-control-regex -- colours begin with the escape character
  return line.replaceAll(/\u001B\[[\d;]*m|[\n\t]|[\p{Cc}\p{Cf}\u2028\u2029]/gu, (found) =>
    /^(\n|\t|.{2,})$/su.test(found) ? found : escaped(found),
  );
}

/** The same for a JSON text, which stays the same value: JSON leaves DEL, C1 and all that is not ASCII as it is. */
export function jsonText(json: string): string {
  return json.replaceAll(/[^\P{Cc}\n\t]|[\p{Cf}\u2028\u2029]/gu, (found) =>
    found
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
