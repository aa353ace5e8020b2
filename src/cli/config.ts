/**
 * `holdfast config default`, `check` and `docs`: what there is to configure, and whether a configuration is right. Words only; the schema and its texts
 * are src/config.
 */
import { ConfigError, showValue } from '../config/config-error.js';
import { configurationMarkdown } from '../config/docs.js';
import { loadConfig, publicConfig } from '../config/load.js';
import { keyDescriptions, sampleYaml } from '../config/sample.js';
import { metaOf } from '../config/schema.js';
import { gather, type Sources } from '../config/sources.js';
import { CliError, exitCodes, type Call, type ExitCode } from './command.js';

export async function printDefault({ terminal, switches }: Call): Promise<ExitCode> {
  const keys = keyDescriptions();
  if (switches.has('json'))
    terminal.print(JSON.stringify(Object.fromEntries(keys.map((one) => [one.key, one.default])), null, 2));
  else terminal.print(sampleYaml().trimEnd());
  return exitCodes.done;
}

export async function docs({ terminal, switches }: Call): Promise<ExitCode> {
  terminal.print(switches.has('json') ? JSON.stringify(keyDescriptions(), null, 2) : configurationMarkdown().trimEnd());
  return exitCodes.done;
}

/** `holdfast config check FILE` is `--config FILE`. */
function withFile(sources: Sources): Sources {
  const [file, ...flags] = sources.argv;
  return file === undefined || file.startsWith('-') ? sources : { ...sources, argv: ['--config', file, ...flags] };
}

export async function check({ sources: given, terminal, switches }: Call): Promise<ExitCode> {
  const sources = withFile(given);
  const json = switches.has('json');
  try {
    const config = publicConfig(loadConfig(sources));
    const set = [...gather(sources).entries].map(([key, { value, source }]) => ({
      key,
      source,
      value: showValue(value, metaOf(key)?.secret ?? true),
    }));
    if (json) terminal.print(JSON.stringify({ ok: true, set, config }, null, 2));
    else {
      terminal.print(`The configuration is right; keys that are set: ${set.length}.`);
      for (const { key, source, value } of set) terminal.print(`  ${key}: ${value} (${source})`);
    }
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (!json) throw new CliError(exitCodes.config, error.message, { cause: error });
    terminal.print(JSON.stringify({ ok: false, problems: error.problems }, null, 2));
    return exitCodes.config;
  }
}
