/**
 * Where a command writes: results to standard output, everything else (errors, progress, questions) to standard error, so that a result can be piped.
 * Colour and progress are for a terminal only. The only user of the process' streams; commands get a `Terminal`.
 */
import { createInterface } from 'node:readline/promises';

export const colours = { red: 31, green: 32, yellow: 33, blue: 34, grey: 90, bold: 1 } as const;
export type Colour = keyof typeof colours;

/** Functions, not methods: they are passed on by themselves. */
export interface Terminal {
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
  /** A person can be asked. */
  readonly canAsk: boolean;
  /** Columns of a line; Infinity where nothing needs to be cut. */
  readonly columns: () => number;
  /** Lines of the screen. */
  readonly rows: () => number;
  /** A line of the result. */
  readonly print: (line: string) => void;
  /** Text of the result as it is: escape sequences, text without an end. */
  readonly write: (text: string) => void;
  /** A line for people. */
  readonly tell: (line: string) => void;
  /** What is being done, in one line that the next one replaces; null when it is over. Nothing where stderr is no terminal. */
  readonly progress: (line: string | null) => void;
  readonly paint: (text: string, colour: Colour) => string;
  /** Yes or no; no by default. */
  readonly confirm: (question: string) => Promise<boolean>;
  /** Calls back once when the user wants the command to end (Ctrl-C, SIGTERM); the result takes it back. */
  readonly onInterrupt: (fn: () => void) => () => void;
}

/** @param noColour https://no-color.org */
export function processTerminal(noColour: boolean): Terminal {
  const { stdin, stdout, stderr } = process;
  // Undefined where it is none, whatever the types say.
  const isTerminal = Boolean(stdout.isTTY);
  const line = progressLine();
  // Whoever reads us may have seen enough: `holdfast tubes ls | head`.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  return {
    isTerminal,
    canAsk: Boolean(stdin.isTTY) && Boolean(stderr.isTTY),
    columns: () => (isTerminal ? stdout.columns : Number.POSITIVE_INFINITY),
    rows: () => (isTerminal ? stdout.rows : Number.POSITIVE_INFINITY),
    print: (text) => {
      line.clear();
      stdout.write(`${text}\n`);
    },
    write: (text) => void stdout.write(text),
    tell: (text) => {
      line.clear();
      stderr.write(`${text}\n`);
    },
    progress: (text) => (text === null ? line.clear() : line.show(text)),
    paint: (text, colour) => (isTerminal && !noColour ? `\u001b[${colours[colour]}m${text}\u001b[0m` : text),
    confirm: (question) => askYesNo(question, process.stdin, process.stderr),
    onInterrupt,
  };
}

/** One line of standard error that is written over. */
function progressLine() {
  const { stderr } = process;
  let shown = false;
  const clear = (): void => {
    if (shown) stderr.write('\r\u001b[K');
    shown = false;
  };
  const show = (text: string): void => {
    if (!stderr.isTTY) return;
    clear();
    stderr.write(text.slice(0, stderr.columns - 1));
    shown = true;
  };
  return { clear, show };
}

/** Ctrl-C and Ctrl-D are a no. */
export async function askYesNo(
  question: string,
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
): Promise<boolean> {
  const lines = createInterface({ input, output });
  const left = new Promise<null>((resolve) => lines.once('close', () => resolve(null)));
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `).catch(() => null), left]);
    if (answer === null) output.write('\n');
    return /^y(es)?$/i.test(answer?.trim() ?? '');
  } finally {
    lines.close();
  }
}

function onInterrupt(fn: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, fn);
  return () => signals.forEach((signal) => process.off(signal, fn));
}
