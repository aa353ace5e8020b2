/**
 * `holdfast doctor`: looks at everything that a service with this configuration needs, before it is started or beside it, and says what to do about what is
 * not right. Changes nothing. The checks are in doctor/.
 */
import { ConfigError } from '../config/config-error.js';
import { loadConfig, type Config } from '../config/load.js';
import { shutdown } from '../transport/native-runtime.js';
import { exitCodes, type Call, type ExitCode } from './command.js';
import { codeOf, fail, ok, warn, type Check, type Finding, type Status } from './doctor/check.js';
import { networkChecks } from './doctor/network.js';
import { serverChecks } from './doctor/servers.js';
import { storageChecks } from './doctor/storage.js';
import { systemChecks } from './doctor/system.js';
import { harmless, wrap } from './table.js';
import type { Colour, Terminal } from './terminal.js';

/** Quick ones first. */
const checks: readonly Check[] = [...systemChecks, ...networkChecks, ...storageChecks, ...serverChecks];

type Told = Finding & { readonly check: string };

export async function run({ terminal, switches, sources }: Call): Promise<ExitCode> {
  const json = switches.has('json');
  const told: Told[] = [];
  const tell = (check: string, findings: readonly Finding[]): void => {
    for (const finding of findings) {
      told.push({ check, ...finding });
      if (!json) print(finding, terminal);
    }
  };
  const { config, finding } = readConfig(sources);
  tell('config', [finding]);
  if (config !== null) {
    tell('access', [accessFinding(config), ...faultFindings(config)]);
    for (const check of checks) {
      terminal.progress(`looking at ${check.about} …`);
      tell(check.name, await findingsOf(check, config));
    }
    terminal.progress(null);
    await shutdown();
  }
  const count = (status: Status): number => told.filter((one) => one.status === status).length;
  const failed = count('fail');
  if (json) terminal.print(JSON.stringify({ ok: failed === 0, findings: told }, null, 2));
  else terminal.print(summary(failed, count('warn'), terminal));
  if (config === null) return exitCodes.config;
  return failed === 0 ? exitCodes.done : exitCodes.unavailable;
}

function readConfig(sources: Call['sources']): { config: Config | null; finding: Finding } {
  try {
    return { config: loadConfig(sources), finding: ok('configuration: right') };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [head = '', ...problems] = error.message.split('\n');
    return {
      config: null,
      finding: fail(
        `configuration: ${head} ${problems.map((line) => line.trim()).join('; ')}`,
        'mend it: holdfast config check tells it line by line',
      ),
    };
  }
}

function accessFinding({ controlTokens, controlJwt, host }: Config): Finding {
  const tenants = new Set(controlTokens.map(({ tenant }) => tenant)).size;
  const jwt = controlJwt === null ? [] : [`JWTs of ${controlJwt.issuer}`];
  const tokens =
    controlTokens.length === 0
      ? []
      : [`tokens: ${controlTokens.length} of ${tenants} ${tenants === 1 ? 'tenant' : 'tenants'}`];
  const ways = [...tokens, ...jwt].join(', ');
  return ways === ''
    ? warn(
        `access: no token is configured, so one is made for each run, and ${host} only is listened on`,
        'for more than a try: holdfast token create --append FILE, and --control-tokens-file FILE',
      )
    : ok(`access: ${ways}`);
}

function faultFindings({ faultInjection }: Config): Finding[] {
  return faultInjection
    ? [
        warn(
          'faults: every controller may break its tubes on purpose (faultInjection)',
          'leave it out where real peers are',
        ),
      ]
    : [];
}

async function findingsOf(check: Check, config: Config): Promise<readonly Finding[]> {
  try {
    return [await check.run(config)].flat();
  } catch (error) {
    return [
      fail(
        `${check.name}: could not be looked at (${codeOf(error)})`,
        'this is a fault of holdfast doctor: please report it',
      ),
    ];
  }
}

const marks: Readonly<Record<Status, readonly [mark: string, colour: Colour]>> = {
  ok: ['ok  ', 'green'],
  warn: ['warn', 'yellow'],
  fail: ['FAIL', 'red'],
  skip: ['skip', 'grey'],
};

function print({ status, detail, advice }: Finding, terminal: Terminal): void {
  const [mark, colour] = marks[status];
  terminal.print(`${terminal.paint(mark, colour)}  ${harmless(detail)}`);
  if (advice !== null) terminal.print(wrap(`→ ${advice}`, '      '));
}

function summary(failed: number, warned: number, { paint }: Terminal): string {
  const words = [failed === 0 ? '' : `failures ${failed}`, warned === 0 ? '' : `warnings ${warned}`].filter(
    (part) => part !== '',
  );
  if (words.length === 0) return paint('Everything is right.', 'green');
  return paint(`${words.join(', ')}.`, failed === 0 ? 'yellow' : 'red');
}
