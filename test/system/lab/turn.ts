/** A real coturn with ephemeral credentials in the router, for peers that reach each other in no other way. */
import type { ChildProcess } from 'node:child_process';
import { findProgram } from '../../support/programs.js';
import { run, type Namespace } from './netns.js';
import { sleep } from './time.js';

const address = '10.77.1.1';
const port = 3478;
const startTimeoutMs = 10_000;
const secret = 'lab-turn-secret';
/** Of the service's credentials; the server's own limit on allocations is the same, so that what is not renewed ends. */
export const turnTtlMs = 20_000;

/** Of the service. */
export const turnFlags: readonly string[] = [
  '--turn-urls',
  `turn:${address}:${String(port)}`,
  '--turn-secret',
  secret,
  '--turn-credential-ttl-ms',
  String(turnTtlMs),
];

/** Resolves when it listens; it ends with the namespace. */
export async function startTurn(router: Namespace): Promise<ChildProcess> {
  const program = findProgram(['turnserver']);
  if (program === undefined) throw new Error('there is no turnserver (coturn) here');
  const flags = [
    '-n',
    '--no-cli',
    '--no-tls',
    '--no-dtls',
    '--no-rfc5780',
    '--log-file',
    'stdout',
    '--pidfile',
    '/dev/null',
  ];
  const addresses = [
    '--listening-ip',
    address,
    '--relay-ip',
    address,
    '--listening-port',
    String(port),
    '--realm',
    'lab',
  ];
  const credentials = ['--use-auth-secret', '--static-auth-secret', secret];
  const lifetime = [`--max-allocate-lifetime=${String(turnTtlMs / 1000)}`];
  const args = [...flags, ...addresses, ...credentials, ...lifetime];
  const child = router.spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore'] });
  const endMs = Date.now() + startTimeoutMs;
  // What it says stays in its buffer when it does not write to a terminal: its socket is what tells.
  while (!(await listens(router))) {
    if (child.exitCode !== null || Date.now() > endMs) throw new Error('turnserver does not start');
    await sleep(50);
  }
  return child;
}

async function listens(router: Namespace): Promise<boolean> {
  const sockets = await run('ip', ['netns', 'exec', router.name, 'cat', '/proc/net/udp']);
  return sockets.includes(`:${port.toString(16).toUpperCase().padStart(4, '0')} `);
}
