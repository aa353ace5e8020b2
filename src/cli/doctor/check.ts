/** The words of the preflight: a check looks at one thing that the service needs, changes nothing, and says what it found and what to do. */
import type { Config } from '../../config/load.js';

/** `warn`: it works, but not as well or not for everybody. `fail`: it will not work. `skip`: there is nothing to look at, or no way to. */
export type Status = 'ok' | 'warn' | 'fail' | 'skip';

export interface Finding {
  readonly status: Status;
  /** What was found, in one line. */
  readonly detail: string;
  /** What to do about it. */
  readonly advice: string | null;
}

export interface Check {
  readonly name: string;
  /** What is looked at, for the progress line. */
  readonly about: string;
  /** One finding, or one for each of several things. What it throws is a failure, too. */
  readonly run: (config: Config) => Finding | readonly Finding[] | Promise<Finding | readonly Finding[]>;
}

export const ok = (detail: string): Finding => ({ status: 'ok', detail, advice: null });
export const warn = (detail: string, advice: string): Finding => ({ status: 'warn', detail, advice });
export const fail = (detail: string, advice: string): Finding => ({ status: 'fail', detail, advice });
export const skip = (detail: string): Finding => ({ status: 'skip', detail, advice: null });

export const codeOf = (error: unknown): string =>
  String((error as NodeJS.ErrnoException | null)?.code ?? (error instanceof Error ? error.message : error));
