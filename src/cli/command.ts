/**
 * What a command of the command line is: words for people, and a function that does it. The words are plain data (commands.ts), so that help and
 * docs/cli.md are made without loading any command; what a command needs is imported when it runs. dispatch.ts drives it.
 */
import type { CommandEnvironment } from '../config/environment.js';
import type { Sources } from '../config/sources.js';
import type { Terminal } from './terminal.js';

/** As sysexits.h has them; `no` is the shells' own word for "done, and the answer is no". */
export const exitCodes = {
  done: 0,
  no: 1,
  usage: 64,
  unavailable: 69,
  internal: 70,
  hurried: 75,
  config: 78,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export interface CommandOption {
  /** What stands for its value in the help: `URL`. Absent: it is a switch. */
  readonly value?: string;
  readonly about: string;
}

export interface Example {
  readonly line: string;
  readonly about: string;
}

export interface Command {
  /** One or two words: `doctor`, `tubes ls`. */
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What follows the name: `ID... [--yes]`. The options that every such command has are left out. */
  readonly usage: string;
  /** Paragraphs for the help of this command. */
  readonly about: string;
  readonly options: Readonly<Record<string, CommandOption>>;
  /** How many arguments that are no options it takes. Default: none. */
  readonly args?: { readonly min: number; readonly max: number };
  /** Arguments that are not its own are flags of the configuration (`call.sources`), as `serve` takes them. */
  readonly takesConfig?: boolean;
  readonly examples: readonly Example[];
  /** Text at the end of its help, made when it is asked for. */
  readonly more?: () => Promise<string>;
  /** Resolves with null when the process goes on (serve). Rejects with CliError; anything else is an internal error. */
  readonly run: (call: Call) => Promise<ExitCode | null>;
}

/** One use of a command. */
export interface Call {
  /** Switches that were given. */
  readonly switches: ReadonlySet<string>;
  /** Options with a value that were given. */
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly args: readonly string[];
  /** Where the configuration comes from; its flags are those of this call. */
  readonly sources: Sources;
  readonly environment: CommandEnvironment;
  readonly terminal: Terminal;
}

/** What ends a command: one line on stderr that says what is wrong and what to do. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  /** For programs: of a refusal the service's own, else the name of the exit code. */
  readonly code: string;

  constructor(exitCode: ExitCode, message: string, options?: { cause?: unknown; code?: string }) {
    super(message, options);
    this.exitCode = exitCode;
    this.code = options?.code ?? nameOf(exitCode);
  }
}

const nameOf = (exitCode: ExitCode): string =>
  Object.entries(exitCodes).find(([, known]) => known === exitCode)?.[0] ?? 'internal';

/** What `--json` prints instead of a result. */
export interface Failed {
  readonly ok: false;
  readonly error: { readonly code: string; readonly message: string };
}

export const failed = ({ code, message }: { readonly code: string; readonly message: string }): Failed => ({
  ok: false,
  error: { code, message },
});

/** Wrong use of the command line; the message says what to do. */
export const usageError = (message: string): CliError => new CliError(exitCodes.usage, message);

/** The option that every command has whose result a program may want. */
export const jsonOption: Readonly<Record<string, CommandOption>> = {
  json: { about: 'Prints JSON for programs instead of text for people.' },
};
