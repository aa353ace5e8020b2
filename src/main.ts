#!/usr/bin/env node
/**
 * The process: configuration, signals, exit codes. 0 stopped cleanly, 69 the port or the folder cannot be had, 70 internal, 75 stopping took too
 * long or was hurried, 78 wrong configuration. SIGHUP reads the configuration again. Everything else is app.ts.
 */
import { randomBytes } from 'node:crypto';
import { createApp, type App } from './app.js';
import { ConfigError } from './config/config-error.js';
import { helpText } from './config/docs.js';
import { processSources } from './config/environment.js';
import { loadConfig, type Config } from './config/load.js';
import { libraryVersion } from './peer/version.js';
import { StoreError } from './store/record-store.port.js';

const exitCodes = { dependency: 69, internal: 70, hurried: 75, config: 78 } as const;

function readConfig(): Config {
  try {
    return loadConfig(processSources());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(exitCodes.config);
  }
}

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
function readAgain(generated: string | null): Config {
  const config = loadConfig(processSources());
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

async function serve(): Promise<void> {
  const { config, generated } = withToken(readConfig());
  const app = createApp(config);
  stopOnSignals(app, config.shutdownTimeoutMs);
  process.on('SIGHUP', () => app.reload(() => readAgain(generated)));
  try {
    const { host, port } = await app.start();
    const shown = host.includes(':') ? `[${host}]` : host;
    console.log(banner(`http://${shown}:${String(port)}`, generated));
  } catch (error) {
    const isStore = error instanceof StoreError;
    console.error(isStore ? error.message : `Cannot listen on ${config.host}:${String(config.port)}: ${String(error)}`);
    await app.stop();
    process.exit(exitCodes.dependency);
  }
}

const flags = process.argv.slice(2);
if (flags.includes('--help')) console.log(helpText());
else if (flags.includes('--version')) console.log(libraryVersion);
else await serve();
