/** The preflight of this machine: Node, file descriptors, memory, buffers, the clock, and how it tells of changes of its network. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import type { Config } from '../../config/load.js';
import { defaultMonitorCommand } from '../../network/monitor-process.js';
import { length, size } from '../words.js';
import { codeOf, fail, ok, skip, warn, type Check, type Finding } from './check.js';

const MiB = 1024 * 1024;

const oldestNode = 20;

export function nodeFinding(version: string): Finding {
  const major = Number(/^v?(\d+)/.exec(version)?.[1]);
  return major >= oldestNode
    ? ok(`Node ${version.replace(/^v/, '')}`)
    : fail(`Node ${version.replace(/^v/, '')}`, `install Node ${oldestNode} or newer`);
}

/** Sockets of controllers and peers, the store, the log, and what Node has for itself. */
const otherDescriptors = 512;

/** @param limits text of /proc/self/limits, which Node has raised to the hard limit already */
export function descriptorFinding(limits: string, { maxConcurrentIceAgents, maxConcurrentSockets }: Config): Finding {
  const text = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  if (text === undefined) return skip('the limit of file descriptors is not told');
  const limit = text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text);
  const least = maxConcurrentIceAgents + otherDescriptors;
  const wanted = least + maxConcurrentSockets;
  const needed = `${maxConcurrentIceAgents} generations, ${maxConcurrentSockets} sockets of tunnels and ${otherDescriptors} others`;
  const advice = `raise it to ${wanted} (ulimit -n, LimitNOFILE of systemd, --ulimit of Docker), or lower maxConcurrentIceAgents`;
  if (limit < least) return fail(`file descriptors: ${text}, fewer than ${needed} need`, advice);
  if (limit < wanted) return warn(`file descriptors: ${text}, fewer than ${needed} need`, advice);
  return ok(`file descriptors: ${text}, enough for ${needed}`);
}

/** Measured: 263 KiB of a native connection, and what its tube has in JavaScript. */
const bytesPerGeneration = 320 * 1024;
const bytesOfProcess = 150 * MiB;

export function memoryFinding(availableBytes: number, { maxConcurrentIceAgents }: Config): Finding {
  const needed = bytesOfProcess + maxConcurrentIceAgents * bytesPerGeneration;
  const detail = `memory: ${size(availableBytes)} to be had; ${maxConcurrentIceAgents} generations without traffic take some ${size(needed)}`;
  return availableBytes >= needed ? ok(detail) : warn(detail, 'give it more, or lower maxConcurrentIceAgents');
}

/** What a container allows, where that is less than what the machine has free. */
function availableMemory(): number {
  const allowed = process.constrainedMemory();
  // 0 or more than there is: not constrained.
  const limit = allowed > 0 && allowed < totalmem() ? allowed - process.memoryUsage().rss : Number.POSITIVE_INFINITY;
  const meminfo = readText('/proc/meminfo');
  const kib = Number(/^MemAvailable:\s+(\d+) kB/m.exec(meminfo ?? '')?.[1]);
  return Math.min(limit, Number.isFinite(kib) ? kib * 1024 : freemem());
}

/** The ICE agent asks for so much for each of its sockets; the system gives as much as it allows. */
const wantedBuffer = MiB;
const usualBuffer = 212_992;

export function bufferFinding(receiveMax: number, sendMax: number): Finding {
  const least = Math.min(receiveMax, sendMax);
  const detail = `UDP buffers: up to ${size(receiveMax)} to receive and ${size(sendMax)} to send; the ICE agent asks for ${size(wantedBuffer)}`;
  if (least >= usualBuffer) return ok(detail);
  return warn(
    detail,
    `sysctl -w net.core.rmem_max=${wantedBuffer} net.core.wmem_max=${wantedBuffer}, or bursts are lost`,
  );
}

/** Null: there is no such file. */
function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function fromFile(path: string, judge: (text: string) => Finding): Finding {
  const text = readText(path);
  return text === null ? skip(`${path} is not here to be read`) : judge(text);
}

function buffers(): Finding {
  const [receive, send] = ['rmem_max', 'wmem_max'].map((name) => readText(`/proc/sys/net/core/${name}`));
  if (typeof receive !== 'string' || typeof send !== 'string') return skip('UDP buffers: this system does not tell');
  return bufferFinding(Number(receive), Number(send));
}

const commandTimeoutMs = 3000;
/** The folders of system programs are not in everybody's PATH. */
const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin' };

/** What a program prints. Rejects when it is not there, fails, or takes too long. */
function output(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: commandTimeoutMs, env }, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(Object.assign(new Error(error.message), { code: error.code }));
    });
  });
}

const earliest = Date.UTC(2026, 0, 1);

/** The wall clock against the monotonic one since the process began: a step means that somebody sets it. */
export function clockFindings(nowMs: number, driftMs: number, synchronized: boolean | null): Finding[] {
  const findings: Finding[] = [];
  if (nowMs < earliest)
    findings.push(
      fail(`clock: it is ${new Date(nowMs).toISOString()} here`, 'set it: tokens and TURN credentials expire by it'),
    );
  if (Math.abs(driftMs) > maxDriftMs)
    findings.push(
      warn(
        `clock: it was put ${driftMs > 0 ? 'forward' : 'back'} by ${length(Math.abs(driftMs))} just now`,
        'let NTP slew it instead; timers of sessions and credentials go by it',
      ),
    );
  if (synchronized === false)
    findings.push(warn('clock: it is not synchronized', 'run an NTP client: JWTs and TURN credentials expire by it'));
  if (findings.length > 0) return findings;
  return [
    ok(`clock: ${synchronized === true ? 'synchronized by NTP' : 'plausible; whether NTP sets it is not told here'}`),
  ];
}

const maxDriftMs = 250;

/** timedatectl is not everywhere, and tells nothing in most containers. */
async function synchronizedByNtp(): Promise<boolean | null> {
  try {
    const text = (await output('timedatectl', ['show', '--property=NTPSynchronized', '--value'])).trim();
    return text === 'yes' ? true : text === 'no' ? false : null;
  } catch {
    return null;
  }
}

async function clock(): Promise<Finding[]> {
  const synchronized = await synchronizedByNtp();
  return clockFindings(Date.now(), Date.now() - performance.timeOrigin - performance.now(), synchronized);
}

async function monitor(): Promise<Finding> {
  const [program] = defaultMonitorCommand() ?? [];
  const advice = 'install it (Debian: iproute2); without it changes are noticed by polling, up to 2 s later';
  if (program === undefined)
    return warn(
      'network changes: this system has no program that tells of them',
      'nothing: they are noticed by polling, up to 2 s later',
    );
  try {
    if (program === 'ip') await output('ip', ['-o', 'address']);
    return ok(`network changes: told by ${program} monitor`);
  } catch (error) {
    return warn(`network changes: ${program} cannot be used (${codeOf(error)})`, advice);
  }
}

export const systemChecks: readonly Check[] = [
  { name: 'node', about: 'Node', run: () => nodeFinding(process.version) },
  {
    name: 'descriptors',
    about: 'file descriptors',
    run: (config) => fromFile('/proc/self/limits', (text) => descriptorFinding(text, config)),
  },
  { name: 'memory', about: 'memory', run: (config) => memoryFinding(availableMemory(), config) },
  { name: 'buffers', about: 'UDP buffers', run: buffers },
  { name: 'clock', about: 'the clock', run: clock },
  { name: 'monitor', about: 'how network changes are noticed', run: monitor },
];
