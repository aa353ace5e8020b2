/**
 * The table of commands: their words, and where to find what they do. Plain data, so that help costs nothing; `run` imports the command when it is used.
 * Order: that of the help. A command is one entry here and `src/cli/<name>.ts` with `run(call)`.
 */
import type { Command } from './command.js';

const serve: Command = {
  name: 'serve',
  summary: 'run the service; also what `holdfast` alone does',
  usage: '[--config FILE] [--KEY VALUE]...',
  about:
    'Runs the service until SIGTERM or SIGINT. Without any control token it makes one for the run, listens on loopback only, and prints a link to the console. ' +
    'SIGHUP reads the configuration again.',
  options: { version: { about: 'Prints the version.' } },
  takesConfig: true,
  more: async () => (await import('../config/docs.js')).helpText(),
  examples: [
    { line: 'holdfast serve', about: 'on http://127.0.0.1:8080, with a token for this run' },
    { line: 'holdfast serve --config holdfast.yaml --port 9000', about: 'a flag goes over the file' },
    { line: 'HOLDFAST_CONTROL_TOKENS_FILE=tokens holdfast serve --host 0.0.0.0', about: 'for other machines' },
  ],
  run: async (call) => (await import('./serve.js')).run(call),
};

export const commands: readonly Command[] = [serve];
