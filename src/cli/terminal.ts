/**
 * Where a command writes: results to standard output, everything else (errors, progress, questions) to standard error, so that a result can be piped.
 * Colour and progress are for a terminal only. The only user of the process' streams; commands get a `Terminal`.
 */
import { createInterface } from 'node:readline/promises';

export const colours = { red: 31, green: 32, yellow: 33, blue: 34, grey: 90, bold: 1 } as const;
export type Colour = keyof typeof colours;

export interface Terminal {
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
  /** A person can be asked. */
  readonly canAsk: boolean;
  /** Columns of a line; Infinity where nothing needs to be cut. */
  columns(): number;
  /** Lines of the screen. */
  rows(): number;
  /** A line of the result. */
  print(line: string): void;
  /** Text of the result as it is: escape sequences, text without an end. */
  write(text: string): void;
  /** A line for people. */
  tell(line: string): void;
  /** What is being done, in one line that the next one replaces; null when it is over. Nothing where stderr is no terminal. */
  progress(line: string | null): void;
  paint(text: string, colour: Colour): string;
  /** Yes or no; no by default. */
  confirm(question: string): Promise<boolean>;
  /** Calls back once when the user wants the command to end (Ctrl-C, SIGTERM); the result takes it back. */
  onInterrupt(fn: () => void): () => void;
}

/** https://no-color.org: colour unless NO_COLOR is set and not empty. */
export function processTerminal(noColour: boolean): Terminal {
  const { stdin, stdout, stderr } = process;
  // Undefined where it is none, whatever the types say.
  const isTerminal = Boolean(stdout.isTTY);
  const isColoured = isTerminal && !noColour;
  // Whoever reads us may have seen enough: `holdfast tubes ls | head`.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  let shown = false;
  const clear = (): void => {
    if (shown) stderr.write('\r\u001b[K');
    shown = false;
  };
  return {
    isTerminal,
    canAsk: Boolean(stdin.isTTY) && Boolean(stderr.isTTY),
    columns: () => (isTerminal ? stdout.columns : Number.POSITIVE_INFINITY),
    rows: () => (isTerminal ? stdout.rows : Number.POSITIVE_INFINITY),
    print: (line) => {
      clear();
      stdout.write(`${line}\n`);
    },
    write: (text) => void stdout.write(text),
    tell: (line) => {
      clear();
      stderr.write(`${line}\n`);
    },
    progress: (line) => {
      if (!stderr.isTTY) return;
      clear();
      if (line === null) return;
      stderr.write(line.slice(0, stderr.columns - 1));
      shown = true;
    },
    paint: (text, colour) => (isColoured ? `\u001b[${colours[colour]}m${text}\u001b[0m` : text),
    confirm: async (question) => {
      clear();
      const lines = createInterface({ input: stdin, output: stderr });
      try {
        return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
      } finally {
        lines.close();
      }
    },
    onInterrupt: (fn) => {
      const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
      for (const signal of signals) process.once(signal, fn);
      return () => signals.forEach((signal) => process.off(signal, fn));
    },
  };
}
