/**
 * Text made from the table of commands: `holdfast --help`, `holdfast <command> --help` and docs/cli.md (written by scripts/cli-docs.mjs, compared by a
 * test). Pure, apart from what a command adds to its own help.
 */
import { exitCodes, type Command, type ExitCode } from './command.js';
import { wrap } from './table.js';

const meanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  done: 'done',
  no: 'done, and the answer is no: the service refused, a token is not valid, a replay disagrees',
  usage: 'wrong use of the command line',
  unavailable: 'something that is needed cannot be had: the service, a port, a folder, a server that doctor asks',
  internal: 'internal error',
  hurried: 'serve: stopping took too long, or was hurried by a second signal',
  config: 'wrong configuration',
};

const codeRows: readonly (readonly [ExitCode, string])[] = Object.entries(exitCodes).map(
  ([name, code]) => [code, meanings[name as keyof typeof exitCodes]] as const,
);

/** Two columns, the second one broken into lines. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 4;
  const lines = rows.map(([left, right]) => `  ${left}`.padEnd(width) + wrap(right, ' '.repeat(width)).trimStart());
  return lines.join('\n');
}

const usageOf = ({ name, usage }: Command): string => `holdfast ${name}${usage === '' ? '' : ` ${usage}`}`;

const optionRows = ({ options }: Command): (readonly [string, string])[] =>
  Object.entries(options).map(([name, { value, about }]) => [
    `--${name}${value === undefined ? '' : ` ${value}`}`,
    about,
  ]);

/** Text of `holdfast --help`. */
export function overview(table: readonly Command[]): string {
  return [
    'Usage: holdfast [COMMAND] [ARGUMENT]...',
    '',
    'Keeps WebRTC data connections alive. Without a command, or with flags only, it is `holdfast serve`.',
    '',
    columns(table.map(({ name, summary }) => [name, summary])),
    '',
    columns([
      ['help COMMAND', 'what a command does, with examples; the same as COMMAND --help'],
      ['--version', 'prints the version'],
    ]),
    '',
    'Examples:',
    ...table.flatMap(({ examples }) => examples.slice(0, 1).map(({ line }) => `  ${line}`)),
    '',
    'Exit codes:',
    columns(codeRows.map(([code, meaning]) => [String(code), meaning])),
    '',
  ].join('\n');
}

/** Text of `holdfast help tubes`. */
export function groupHelp(group: string, table: readonly Command[]): string {
  const members = table.filter(({ name }) => name.startsWith(`${group} `));
  const rows = members.map((command) => [command.name, command.summary] as const);
  return [
    `Usage: holdfast ${group} COMMAND [ARGUMENT]...`,
    '',
    columns(rows),
    '',
    `holdfast ${group} COMMAND --help says more.`,
    '',
  ].join('\n');
}

const configNote =
  'All flags of the configuration may be given, --config FILE and those that `holdfast serve --help` lists; environment and file count as for serve.';

/** Text of `holdfast COMMAND --help`. */
export async function commandHelp(command: Command): Promise<string> {
  const options: (readonly [string, string])[] = [...optionRows(command), ['--help', 'Prints this.']];
  const more = command.more === undefined ? [] : [await command.more(), ''];
  return [
    `Usage: ${usageOf(command)}`,
    '',
    wrap(command.about),
    ...(command.takesConfig === true && command.more === undefined ? ['', wrap(configNote)] : []),
    '',
    'Options:',
    columns(options),
    '',
    'Examples:',
    ...command.examples.flatMap(({ line, about }) => [`  ${line}`, wrap(about, '      ')]),
    '',
    ...more,
  ].join('\n');
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const documentHead = `# Command line

Generated from \`src/cli/commands.ts\` by \`scripts/cli-docs.mjs\`; do not edit.

\`npx holdfast COMMAND\`, or \`node dist/src/main.js COMMAND\` in this folder. Without a command, or with flags only, it is \`holdfast serve\`.

- Results go to standard output; errors, questions and progress to standard error. An error is one line that says what to do.
- \`--json\` prints JSON for programs: one value, or a line for each change where a command goes on (\`tubes watch\`); an array where a command takes several tubes (\`tubes restart\`, \`tubes close\`). An error is printed too, as \`{"ok":false,"error":{"code","message"}}\`. Times in it are milliseconds since the epoch.
- Colour is for terminals only, and not with \`NO_COLOR\`. Tables are cut to the width of the terminal, and never in a pipe.
- \`holdfast help COMMAND\` says what is written here.`;

/** The text of docs/cli.md. */
export function cliMarkdown(table: readonly Command[]): string {
  return `${[
    documentHead,
    '',
    '## Exit codes',
    '',
    '| code | means |',
    '| --- | --- |',
    ...codeRows.map(([code, meaning]) => `| ${code} | ${cell(meaning)} |`),
    ...table.flatMap(commandPart),
  ].join('\n')}\n`;
}

function commandPart(command: Command): string[] {
  const { name, about, examples } = command;
  const rows = optionRows(command).map(([option, text]) => `| \`${option}\` | ${cell(text)} |`);
  return [
    '',
    `## holdfast ${name}`,
    '',
    `\`${usageOf(command)}\``,
    '',
    about.replaceAll('\n', '\n\n'),
    ...(command.takesConfig === true
      ? [
          '',
          'Takes the flags of [configuration.md](configuration.md), and `--config FILE`; environment and file count.',
        ]
      : []),
    ...(rows.length === 0 ? [] : ['', '| option | meaning |', '| --- | --- |', ...rows]),
    '',
    '```sh',
    ...examples.map(({ line, about: meaning }) => `${line} # ${meaning}`),
    '```',
  ];
}
