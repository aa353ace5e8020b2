/**
 * Linux network namespaces for the laboratory: making them, running `ip` and `nft` in them, and taking everything away again, also what a run
 * left behind that was killed. It knows names and commands, no topology. Needs root.
 */
import { execFile, execFileSync, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';

/** Names are `hflab-<process id>-<label>`, so that leftovers of dead runs are known as such. */
const prefix = 'hflab';
const namePattern = new RegExp(`^${prefix}-(\\d+)-\\w+$`);

/** Rejects with what the program wrote when it fails. */
export function run(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')}: ${(stderr || error.message).trim()}; given: ${input}`));
    });
    child.stdin?.on('error', () => undefined).end(input);
  });
}

export class Namespace {
  readonly name: string;
  readonly #children = new Set<ChildProcess>();

  private constructor(label: string) {
    this.name = `${prefix}-${String(process.pid)}-${label}`;
  }

  static async create(label: string): Promise<Namespace> {
    const namespace = new Namespace(label);
    await run('ip', ['netns', 'add', namespace.name]);
    // IPv4 only: link-local addresses of IPv6 come and go with every link, and prove nothing here.
    await namespace.write('net/ipv6/conf/all/disable_ipv6', '1');
    await namespace.write('net/ipv6/conf/default/disable_ipv6', '1');
    await namespace.ip('link set lo up');
    return namespace;
  }

  /** Lines as `ip` takes them, done in one process and in this order; the first that fails ends it. */
  async ip(...lines: readonly string[]): Promise<void> {
    await run('ip', ['-n', this.name, '-batch', '-'], lines.join('\n'));
  }

  /** A script for `nft -f`; all of it counts at one moment, or nothing does. */
  async nft(script: string): Promise<void> {
    await run('ip', ['netns', 'exec', this.name, 'nft', '-f', '-'], script);
  }

  async nftJson(args: readonly string[]): Promise<unknown> {
    return JSON.parse(await run('ip', ['netns', 'exec', this.name, 'nft', '-j', ...args]));
  }

  /** @param setting below /proc/sys */
  async write(setting: string, value: string): Promise<void> {
    const script = `echo ${value} > /proc/sys/${setting}`;
    await run('ip', ['netns', 'exec', this.name, 'sh', '-c', script]);
  }

  /** Its process id is that of the program: `ip netns exec` becomes it. It is killed with the namespace. */
  spawn(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.name, program, ...args], options);
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** For what has to be an executable file: a command line that runs its arguments in here. */
  get prefix(): string {
    return `ip netns exec ${this.name}`;
  }

  /** Synchronous, because it also runs when the process ends; never throws. */
  delete(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    remove(this.name);
  }
}

/** Processes that were started by a run are all that can be in there. */
function remove(name: string): void {
  const ip = (...args: string[]): string => {
    try {
      return execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' });
    } catch {
      return '';
    }
  };
  for (const pid of ip('netns', 'pids', name).split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
  ip('netns', 'delete', name);
}

/** Namespaces of runs whose process is gone. The names of what was removed. */
export async function cleanLeftovers(): Promise<string[]> {
  const listed = (await run('ip', ['netns', 'list'])).split('\n').map((line) => line.split(' ')[0] ?? '');
  const dead = listed.filter((name) => {
    const pid = namePattern.exec(name)?.[1];
    return pid !== undefined && !isAlive(Number(pid));
  });
  for (const name of dead) remove(name);
  return dead;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
