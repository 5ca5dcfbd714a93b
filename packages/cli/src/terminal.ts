import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Standard output or standard error, as the commands write to it. */
export interface Screen {
  /** Whether a person looks at it. */
  readonly isTerminal: boolean;
  readonly columns: number;
  line(text?: string): void;
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
  // `sess list | head -1`: whoever reads has had enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  return { out: screen(process.stdout), err: screen(process.stderr) };
}

/** Lines longer than this are hard to read, however wide the window is. */
const WIDEST = 100;

function screen(stream: NodeJS.WriteStream): Screen {
  const isTerminal = stream.isTTY === true;
  const hasColours = isTerminal && stream.hasColors();
  return {
    isTerminal,
    columns: Math.min(stream.columns || 80, WIDEST),
    line: (text = '') => void stream.write(`${text}\n`),
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

/**
 * A text from a session (an owner, the name of a key) as it can be shown: whoever signs up with the
 * name `ESC[2J` must not command the terminal of the operator, nor add a line or a column to a list.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
