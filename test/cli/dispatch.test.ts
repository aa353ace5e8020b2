// From arguments to a command: which one, with which options, and what is said when something is wrong. No process, no service.
import { describe, expect, test } from '@jest/globals';
import { exitCodes, CliError, type Call, type Command } from '../../src/cli/command.js';
import { commands } from '../../src/cli/commands.js';
import { Refusal } from '../../src/cli/service.js';
import { runCommandLine } from '../../src/cli/dispatch.js';
import { flagOf } from '../../src/config/names.js';
import { configKeys } from '../../src/config/schema.js';
import { fakeTerminal } from './fake-terminal.js';
import { run } from './run.js';

function bench(run: (call: Call) => ReturnType<Command['run']> = async () => exitCodes.done) {
  const calls: (Call & { readonly name: string })[] = [];
  const command = (name: string, rest: Partial<Command> = {}): Command => ({
    name,
    summary: `${name} something`,
    usage: 'ID...',
    about: `Does ${name}.`,
    options: { json: { about: 'Prints JSON.' }, url: { value: 'URL', about: 'Where.' } },
    examples: [{ line: `holdfast ${name}`, about: 'so' }],
    run: async (call) => {
      calls.push({ name, ...call });
      return run(call);
    },
    ...rest,
  });
  const table = [
    command('serve', {
      takesConfig: true,
      options: {},
      run: async (call) => (calls.push({ name: 'serve', ...call }), null),
    }),
    command('tubes ls'),
    command('tubes show', { args: { min: 1, max: 1 } }),
    command('doctor', { takesConfig: true, options: { json: { about: 'Prints JSON.' } } }),
  ];
  const terminal = fakeTerminal();
  const outside = {
    terminal,
    environment: { url: null, token: null, tokenFile: null, noColour: true },
    sourcesOf: (argv: readonly string[]) => ({ argv, env: {}, readFile: () => '' }),
  };
  return { calls, terminal, line: (...argv: string[]) => runCommandLine(argv, outside, table) };
}

describe('which command', () => {
  test.each([
    [[], []],
    [
      ['--port', '0'],
      ['--port', '0'],
    ],
    [
      ['serve', '--port', '0'],
      ['--port', '0'],
    ],
    [
      ['serve', '--port=0', '--json', '-x', '--', 'y'],
      ['--port=0', '--json', '-x', '--', 'y'],
    ],
  ])('%j serves, and goes on', async (argv, flags) => {
    const { calls, line } = bench();
    expect(await line(...argv)).toBeNull();
    expect(calls).toMatchObject([{ name: 'serve', sources: { argv: flags } }]);
  });

  test('two words are one command, with switches, values and arguments', async () => {
    const { calls, line } = bench();
    expect(await line('tubes', 'show', '--url', 'http://h', 'abcd', '--json')).toBe(0);
    expect(calls[0]).toMatchObject({ name: 'tubes show', args: ['abcd'], values: { url: 'http://h' } });
    expect([...(calls[0]?.switches ?? [])]).toEqual(['json']);
  });

  test('what is not its own goes to the configuration, in order', async () => {
    const { calls, line } = bench();
    await line('doctor', '--port', '1', '--json', '--ice-servers=stun:h', 'file');
    expect(calls[0]).toMatchObject({ args: [], sources: { argv: ['--port', '1', '--ice-servers=stun:h', 'file'] } });
  });
});

describe('wrong use', () => {
  test.each([
    [['docter'], /"docter"; did you mean doctor\?/],
    [['tube', 'ls'], /"tube"; did you mean tubes\?/],
    [['tubes', 'sl'], /"tubes sl"; did you mean tubes ls\?/],
    [['tubes'], /tubes needs one of: tubes ls, tubes show/],
    [['tubes', '--json'], /tubes needs one of/],
    [['help', 'nothing'], /no command "nothing"/],
    [['help', 'tubes', 'ls', 'b'], /one command at a time: holdfast help tubes ls$/],
    [['tubes', 'ls', '--jsno'], /no option --jsno; did you mean --json\?/],
    [['tubes', 'ls', '--url'], /--url needs a value \(URL\)/],
    [['tubes', 'ls', '--url', '--json'], /--url needs a value/],
    [['tubes', 'ls', '--json=yes'], /--json takes no value/],
    [['tubes', 'ls', '--json', '--json'], /--json is given twice/],
    [['tubes', 'show'], /tubes show needs ID/],
    [['tubes', 'show', 'a', 'b'], /"b" is not expected/],
    [['tubes', 'ls', 'b'], /"b" is not expected/],
  ])('%j is one line on standard error, and 64', async (argv, words) => {
    const { calls, terminal, line } = bench();
    expect(await line(...argv)).toBe(64);
    const [told = ''] = terminal.told;
    const error = { code: 'usage', message: told.slice('holdfast: '.length) };
    const printed = argv.includes('--json') ? [JSON.stringify({ ok: false, error })] : [];
    expect([terminal.told.length, terminal.printed, calls]).toEqual([1, printed, []]);
    expect(terminal.told[0]).toMatch(/^holdfast: /);
    expect(terminal.told[0]).toMatch(words);
  });
});

describe('how it ends', () => {
  test('with the code of its error, and what to do', async () => {
    const { terminal, line } = bench(() => Promise.reject(new CliError(exitCodes.unavailable, 'no service answers')));
    expect(await line('tubes', 'ls')).toBe(69);
    expect(terminal.told).toEqual(['holdfast: no service answers']);
    expect(terminal.printed).toEqual([]);
    expect(await line('tubes', 'ls', '--json')).toBe(69);
    expect(terminal.printed).toEqual(['{"ok":false,"error":{"code":"unavailable","message":"no service answers"}}']);
  });

  test('with what the service says when it refuses, for programs too', async () => {
    const { terminal, line } = bench(() => Promise.reject(new Refusal('tube_unknown', 'There is no such tube')));
    expect(await line('tubes', 'ls', '--json')).toBe(1);
    expect(JSON.parse(terminal.printed.join())).toMatchObject({ ok: false, error: { code: 'tube_unknown' } });
  });

  test('with 70 when it is our fault', async () => {
    const { terminal, line } = bench(() => Promise.reject(new TypeError('x is not a function')));
    expect(await line('tubes', 'ls')).toBe(70);
    expect(terminal.told[0]).toContain('internal error: TypeError: x is not a function');
  });
});

describe('help', () => {
  test.each([[['--help']], [['-h']], [['help']]])('%j lists all commands and exit codes', async (argv) => {
    const { terminal, line } = bench();
    expect(await line(...argv)).toBe(0);
    const text = terminal.printed.join('\n');
    for (const words of ['tubes show', 'doctor something', '64', '78', 'Examples:']) expect(text).toContain(words);
  });

  test.each([[['tubes', 'ls', '--help']], [['tubes', 'ls', '-h']], [['help', 'tubes', 'ls']]])(
    '%j tells of one',
    async (argv) => {
      const { calls, terminal, line } = bench();
      expect(await line(...argv)).toBe(0);
      expect(terminal.printed[0]).toBe('Usage: holdfast tubes ls ID...');
      expect(terminal.printed.join('\n')).toContain('--url URL');
      expect(calls).toEqual([]);
    },
  );

  test('of a group lists its commands', async () => {
    const { terminal, line } = bench();
    await line('help', 'tubes');
    expect(terminal.printed.join('\n')).toMatch(/tubes ls[^]*tubes show/);
  });
});

describe('the table of commands', () => {
  test.each(commands.map((command) => [command.name, command] as const))(
    '%s has words for everything',
    async (name, command) => {
      const terminal = fakeTerminal();
      const sourcesOf = (argv: readonly string[]) => ({ argv, env: {}, readFile: () => '' });
      const environment = { url: null, token: null, tokenFile: null, noColour: true };
      expect(await runCommandLine([...name.split(' '), '--help'], { terminal, sourcesOf, environment })).toBe(0);
      const text = terminal.printed.join('\n');
      expect(text).not.toMatch(/undefined|NaN|\[object/);
      expect(command.summary).toMatch(/^[a-z].*[^.]$/);
      expect(command.about).toMatch(/\.$/);
      expect(command.examples.length).toBeGreaterThan(0);
      for (const { line } of command.examples) expect(line).toContain(`holdfast ${name}`);
      for (const [option, { about }] of Object.entries(command.options)) {
        expect(about).toMatch(/\.$/);
        expect(text).toContain(`--${option}`);
      }
    },
  );

  test('no option of a command that takes the configuration has the name of one of its flags', () => {
    const flags = new Set(['--config', ...configKeys.map(flagOf)]);
    const own = commands
      .filter(({ takesConfig }) => takesConfig === true)
      .flatMap(({ options }) => Object.keys(options));
    expect(own.filter((name) => flags.has(`--${name}`))).toEqual([]);
  });
});

describe('closing a tube', () => {
  const id = '2dc34487-6522-4559-9839-28be982f1f46';
  const nowhere = ['--url', 'http://127.0.0.1:9', '--token', 'x'];

  test('is asked about, and not done when the answer is no', async () => {
    const { code, err } = await run(['tubes', 'close', id, ...nowhere], { answer: false });
    expect([code, err]).toEqual([1, 'holdfast: nothing was closed']);
  });

  test('needs --yes where nobody can be asked', async () => {
    const { code, err } = await run(['tubes', 'close', id, ...nowhere]);
    expect([code, err]).toEqual([64, expect.stringContaining('add --yes')]);
  });
});
