/**
 * From the arguments of the process to one command: finds it, reads its options, runs it, and turns what goes wrong into a line and an exit code.
 * Knows no command by name but `serve`, which stands where none is named; main.ts calls it.
 */
import { commandEnvironment, processSources } from '../config/environment.js';
import { hintOf } from '../config/names.js';
import { libraryVersion } from '../peer/version.js';
import { readArguments } from './arguments.js';
import { CliError, exitCodes, failed, usageError, type Call, type Command, type ExitCode } from './command.js';
import { commands } from './commands.js';
import { commandHelp, groupHelp, overview } from './help.js';
import { processTerminal, type Terminal } from './terminal.js';

/** Runs what the arguments say and, unless the command goes on, ends the process once everything is written. Never rejects. */
export async function runProcess(argv: readonly string[]): Promise<void> {
  const environment = commandEnvironment();
  const terminal = processTerminal(environment.noColour);
  const outside = { environment, terminal, sourcesOf: processSources };
  const code = await runCommandLine(argv, outside);
  if (code === null) return;
  // Threads of native code may keep the process; and who reads a pipe may be slow.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}

/** What of the outside a command line sees. */
export interface Outside extends Pick<Call, 'environment' | 'terminal'> {
  /** The configuration of these flags. */
  readonly sourcesOf: (flags: readonly string[]) => Call['sources'];
}

/** The exit code; null when the process goes on. Never rejects. */
export async function runCommandLine(
  argv: readonly string[],
  outside: Outside,
  table: readonly Command[] = commands,
): Promise<ExitCode | null> {
  try {
    return await dispatch(argv, outside, table);
  } catch (error) {
    return report(error, outside.terminal, wantsJson(argv));
  }
}

/** Also where the arguments could not be read. */
const wantsJson = (argv: readonly string[]): boolean =>
  argv.slice(0, argv.indexOf('--') + 1 || Infinity).includes('--json');

function report(error: unknown, terminal: Terminal, json: boolean): ExitCode {
  terminal.progress(null);
  const known = error instanceof CliError ? error : null;
  const message = error instanceof Error ? error.message : String(error);
  if (json) terminal.print(JSON.stringify(failed({ code: known?.code ?? 'internal', message })));
  if (known !== null) {
    terminal.tell(`holdfast: ${message}`);
    return known.exitCode;
  }
  terminal.tell(`holdfast: internal error: ${error instanceof Error ? (error.stack ?? message) : message}`);
  return exitCodes.internal;
}

async function dispatch(
  argv: readonly string[],
  outside: Outside,
  table: readonly Command[],
): Promise<ExitCode | null> {
  const { terminal } = outside;
  const [first = ''] = argv;
  if (first === '--version' || first === '-v') return say(terminal, libraryVersion);
  if (first === '--help' || first === '-h') return say(terminal, overview(table));
  if (first === 'help') return say(terminal, await helpOn(argv.slice(1), table));
  const { command, args } = find(argv, table);
  const { help, config, ...call } = readArguments(command, args);
  if (help) return say(terminal, await commandHelp(command));
  const { min = 0, max = 0 } = command.args ?? {};
  if (call.args.length < min) throw usageError(`${command.name} needs ${command.usage}${tryHelp(command.name)}`);
  if (call.args.length > max)
    throw usageError(`${command.name}: ${JSON.stringify(call.args[max])} is not expected${tryHelp(command.name)}`);
  const { sourcesOf, environment } = outside;
  return command.run({ ...call, environment, terminal, sources: sourcesOf(config) });
}

function say(terminal: Terminal, text: string): ExitCode {
  terminal.print(text.trimEnd());
  return exitCodes.done;
}

const tryHelp = (name: string): string => `; see holdfast ${name} --help`;

/** The command that the first words name; serve without any. */
function find(argv: readonly string[], table: readonly Command[]): { command: Command; args: readonly string[] } {
  const named = argv[0] === undefined || argv[0].startsWith('-') ? ['serve', ...argv] : argv;
  for (const length of [2, 1]) {
    const name = named.slice(0, length).join(' ');
    const command = table.find((candidate) => candidate.name === name);
    if (command !== undefined) return { command, args: named.slice(length) };
  }
  throw unknownCommand(named, table);
}

function unknownCommand([first = '', second = '']: readonly string[], table: readonly Command[]): CliError {
  const group = table.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name);
  if (group.length > 0 && (second === '' || second.startsWith('-')))
    return usageError(`${first} needs one of: ${group.join(', ')}`);
  const names = table.map(({ name }) => name);
  const groups = names.map((name) => name.split(' ')[0] ?? name);
  const [unknown, known] = group.length > 0 ? [`${first} ${second}`, group] : [first, [...names, ...groups]];
  return usageError(`there is no command ${JSON.stringify(unknown)}${hintOf(unknown, known)}; see holdfast --help`);
}

function helpOn(words: readonly string[], table: readonly Command[]): string | Promise<string> {
  if (words.length === 0) return overview(table);
  const command = table.find(({ name }) => name === words.join(' '));
  if (command !== undefined) return commandHelp(command);
  const group = words.join(' ');
  if (table.some(({ name }) => name.startsWith(`${group} `))) return groupHelp(group, table);
  const shorter = table.find(({ name }) => words.join(' ').startsWith(`${name} `));
  if (shorter !== undefined) throw usageError(`help on one command at a time: holdfast help ${shorter.name}`);
  throw unknownCommand(words, table);
}
