/**
 * `holdfast serve`: configuration, signals, exit codes. 0 stopped cleanly, 69 the port or the folder cannot be had, 70 internal, 75 stopping took too
 * long or was hurried, 78 wrong configuration. SIGHUP reads the configuration again. Everything else is app.ts.
 */
import { randomBytes } from 'node:crypto';
import { createApp, type App } from '../app.js';
import { loadConfig, type Config } from '../config/load.js';
import type { Sources } from '../config/sources.js';
import { libraryVersion } from '../peer/version.js';
import { StoreError } from '../store/record-store.port.js';
import { CliError, exitCodes, type Call, type ExitCode } from './command.js';
import { readConfig } from './read-config.js';

/** Without any token or key the service makes one for this run; it listens on loopback only then (config cross-check). */
function withToken(config: Config): { config: Config; generated: string | null } {
  if (config.controlTokens.length > 0 || config.controlJwt !== null) return { config, generated: null };
  const generated = randomBytes(24).toString('base64url');
  return { config: withGenerated(config, generated), generated };
}

const withGenerated = (config: Config, token: string): Config => ({
  ...config,
  controlTokens: [{ tenant: 'default', token }],
});

/** The sources again; a token that was made for this run stays while none is configured. */
function readAgain(sources: Sources, generated: string | null): Config {
  const config = loadConfig(sources);
  return config.controlTokens.length === 0 && generated !== null ? withGenerated(config, generated) : config;
}

function banner(url: string, token: string | null): string {
  const lines = [
    '',
    `Holdfast ${libraryVersion} listens on ${url}`,
    `  metrics   ${url}/metrics`,
    `  health    ${url}/readyz`,
  ];
  if (token === null) return [...lines, `  console   ${url}/console/`, ''].join('\n');
  const example = [
    `import { io } from 'socket.io-client';`,
    `const control = io('${url}/control', { auth: { token: '${token}' }, transports: ['websocket'] });`,
    `control.on('signal', (signal) => console.log(signal.kind, signal.data));`,
    `console.log(await control.emitWithAck('create_tube', { conversation_id: 'hello', settings: {}, trickle_ice: true }));`,
  ];
  return [
    ...lines,
    `  console   ${url}/console/#token=${token}`,
    `  token     ${token}   (made for this run; set HOLDFAST_CONTROL_TOKENS for your own)`,
    '',
    'Open the console link, or paste this into example.mjs in this folder and run `node example.mjs`:',
    '',
    ...example.map((line) => `  ${line}`),
    '',
  ].join('\n');
}

function stopOnSignals(app: App, shutdownTimeoutMs: number): void {
  let stopping = false;
  const stop = (): void => {
    if (stopping) process.exit(exitCodes.hurried);
    stopping = true;
    setTimeout(() => process.exit(exitCodes.hurried), shutdownTimeoutMs).unref();
    app.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(exitCodes.internal);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** Resolves with null when it listens: the process goes on until a signal ends it. */
export async function run({ sources, switches, terminal }: Call): Promise<ExitCode | null> {
  if (switches.has('version')) {
    terminal.print(libraryVersion);
    return exitCodes.done;
  }
  const { config, generated } = withToken(readConfig(sources));
  const app = createApp(config);
  stopOnSignals(app, config.shutdownTimeoutMs);
  process.on('SIGHUP', () => app.reload(() => readAgain(sources, generated)));
  try {
    const { host, port } = await app.start();
    const shown = host.includes(':') ? `[${host}]` : host;
    terminal.print(banner(`http://${shown}:${String(port)}`, generated));
    return null;
  } catch (error) {
    await app.stop();
    const isStore = error instanceof StoreError;
    const why = isStore ? error.message : `Cannot listen on ${config.host}:${String(config.port)}: ${String(error)}`;
    throw new CliError(exitCodes.unavailable, why, { cause: error });
  }
}
