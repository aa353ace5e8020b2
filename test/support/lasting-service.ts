/** The real service with a folder for its tubes, ended and started again on the same port as often as a test wants. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, controlToken, startService, type Service } from './service.js';

/** A controller of another tenant. */
export const otherToken = 'other-token';

const usual = [
  '--control-tokens',
  `${controlToken},other=${otherToken}`,
  '--drain-delay-ms',
  '0',
  '--log-level',
  'warn',
  '--log-pretty',
  'off',
];

export class LastingService {
  private constructor(
    readonly folder: string,
    private readonly flags: readonly string[],
    private service: Service,
  ) {}

  static async start(flags: readonly string[] = []): Promise<LastingService> {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-restart-'));
    const all = ['--data-dir', folder, ...flags];
    return new LastingService(folder, all, await startService(all, usual));
  }

  get url(): string {
    return this.service.url;
  }

  output(): string {
    return this.service.output();
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    const exited = once(this.service.process, 'exit');
    this.service.process.kill('SIGKILL');
    await exited;
  }

  /** SIGTERM; its exit code. */
  stop(): Promise<number | string | null> {
    return this.service.stop();
  }

  /** Resolves when it listens again. */
  async startAgain(): Promise<void> {
    this.service = await startService([...this.flags, '--port', new URL(this.url).port], usual);
  }

  /** A controller that comes back by itself and follows all tubes of its tenant. */
  async controller(token?: string): Promise<Controller> {
    const control = await Controller.connect(this.url, token);
    control.socket.on('session', ({ recovered }: { recovered: boolean }) => {
      if (!recovered) control.socket.emit('subscribe', { all: true });
    });
    return control;
  }

  async end(): Promise<void> {
    await this.kill().catch(() => undefined);
    await rm(this.folder, { recursive: true, force: true });
  }
}
