/**
 * What is wrong with a configuration: all of it in one error. Secrets never appear: values of secret or unknown keys are hidden.
 */
export interface ConfigProblem {
  /** The key, or the unknown name as it was written. */
  readonly key: string;
  /** `flag --port`, `environment HOLDFAST_PORT`, `file holdfast.yaml`, ... */
  readonly source: string;
  /** What is wrong, or what the value must be. */
  readonly rule: string;
  /** The value as JSON, `(hidden)`, or null where a value makes no sense. */
  readonly value: string | null;
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super([`${problems.length} problem(s) in the configuration:`, ...problems.map(lineOf)].join('\n'));
    this.problems = problems;
  }
}

function lineOf({ key, source, rule, value }: ConfigProblem): string {
  return `  ${key} (${source}): ${rule}${value === null ? '' : `, but is ${value}`}`;
}

const longestShownValue = 120;

/** A value for a report. */
export function showValue(value: unknown, secret: boolean): string {
  if (secret) return '(hidden)';
  const shown = JSON.stringify(value) ?? String(value);
  return shown.length > longestShownValue ? `${shown.slice(0, longestShownValue)}…` : shown;
}
