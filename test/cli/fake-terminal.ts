/** A terminal that keeps what it is given, and answers as it is told. */
import type { Terminal } from '../../src/cli/terminal.js';

export interface FakeTerminal extends Terminal {
  /** Lines of standard output. */
  readonly printed: string[];
  /** Lines of standard error, without progress. */
  readonly told: string[];
  /** Texts written as they are. */
  readonly written: string[];
  readonly asked: string[];
}

interface Options {
  readonly isTerminal?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  /** What is answered to questions; absent: nobody can be asked. */
  readonly answer?: boolean;
}

export function fakeTerminal({ isTerminal = false, columns = 100, rows = 24, answer }: Options = {}): FakeTerminal {
  const printed: string[] = [];
  const told: string[] = [];
  const written: string[] = [];
  const asked: string[] = [];
  return {
    isTerminal,
    canAsk: answer !== undefined,
    columns: () => (isTerminal ? columns : Number.POSITIVE_INFINITY),
    rows: () => (isTerminal ? rows : Number.POSITIVE_INFINITY),
    print: (line) => void printed.push(...line.split('\n')),
    write: (text) => void written.push(text),
    tell: (line) => void told.push(...line.split('\n')),
    progress: () => undefined,
    paint: (text) => text,
    confirm: async (question) => {
      asked.push(question);
      return answer === true;
    },
    onInterrupt: () => () => undefined,
    printed,
    told,
    written,
    asked,
  };
}
