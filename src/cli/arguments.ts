/**
 * Reads the arguments of one command: its own options, what is left over, and which flags belong to the configuration. Pure; dispatch.ts drives it.
 */
import { parseArgs } from 'node:util';
import { hintOf } from '../config/names.js';
import { usageError, type Call, type Command, type CommandOption } from './command.js';

export interface Arguments extends Pick<Call, 'switches' | 'values' | 'args'> {
  readonly help: boolean;
  /** Flags and arguments for the configuration. */
  readonly config: readonly string[];
}

const helpOption: Readonly<Record<string, CommandOption>> = { help: { about: 'Prints this.' } };

type Token = ReturnType<typeof tokensOf>[number];
type OptionToken = Extract<Token, { kind: 'option' }>;

/** Throws CliError: an option that there is not, is given twice, lacks its value, or has one that it does not take. */
export function readArguments(command: Command, argv: readonly string[]): Arguments {
  const options = { ...command.options, ...helpOption };
  const switches = new Set<string>();
  const values: Record<string, string> = {};
  const args: string[] = [];
  const config: string[] = [];
  const taken = new Set<number>();
  for (const token of tokensOf(options, argv)) {
    const option = token.kind === 'option' ? options[token.name] : undefined;
    if (token.kind === 'option' && option !== undefined) {
      if (switches.has(token.name) || token.name in values) throw usageError(`${token.rawName} is given twice`);
      if (option.value === undefined) switches.add(switchOf(token));
      else values[token.name] = valueOf(token, option.value);
    } else if (command.takesConfig === true) {
      // `-xy` is two tokens of one argument.
      if (!taken.has(token.index)) config.push(argv[token.index] ?? '');
      taken.add(token.index);
    } else if (token.kind === 'option') {
      const known = Object.keys(options).map((name) => `--${name}`);
      throw usageError(
        `${command.name} has no option ${token.rawName}${hintOf(token.name, known)}; see holdfast ${command.name} --help`,
      );
    } else if (token.kind === 'positional') {
      args.push(token.value);
    }
  }
  const help = switches.delete('help');
  return { help, switches, values, args, config };
}

/** What is not an option of the command is a switch to the parser, so that a value after it is a token of its own. */
function tokensOf(options: Readonly<Record<string, CommandOption>>, argv: readonly string[]) {
  const known = Object.entries(options).map(([name, { value }]) => {
    const type: 'boolean' | 'string' = value === undefined ? 'boolean' : 'string';
    return [name, { type, ...(name === 'help' ? { short: 'h' } : {}) }] as const;
  });
  return parseArgs({
    args: [...argv],
    options: Object.fromEntries(known),
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens;
}

function switchOf({ name, rawName, value }: OptionToken): string {
  if (value !== undefined) throw usageError(`${rawName} takes no value`);
  return name;
}

function valueOf({ rawName, value, inlineValue }: OptionToken, placeholder: string): string {
  if (value === undefined || value === '' || (inlineValue === false && value.startsWith('--')))
    throw usageError(`${rawName} needs a value (${placeholder})`);
  return value;
}
