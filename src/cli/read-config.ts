/** The configuration of a call, or one error that says all that is wrong with it (exit code 78). */
import { ConfigError } from '../config/config-error.js';
import { loadConfig, type Config } from '../config/load.js';
import type { Sources } from '../config/sources.js';
import { CliError, exitCodes } from './command.js';

/** Throws CliError. */
export function readConfig(sources: Sources): Config {
  try {
    return loadConfig(sources);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CliError(exitCodes.config, error.message, { cause: error });
  }
}
