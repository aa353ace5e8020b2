/**
 * What this node admits, and how much of it is in use: the run-time limits of src/config as the gateway wants them (tubes.port.ts). Lowering a
 * limit refuses newcomers and never touches a live tube. What is refused or changed is logged.
 */
import type { FailureCode } from '../machines/failure.js';
import { parseLimitsPatch, type LimitsPatch, type ResourceLimits } from './config/limits.js';
import { AppError } from './errors.js';
import type { Limits } from './gateway/tubes.port.js';
import type { Log } from './observability/logger.js';

export interface InUse {
  readonly iceAgents: number;
  readonly creates: number;
}

export class NodeLimits implements Limits {
  constructor(
    private readonly limits: ResourceLimits,
    private readonly inUse: () => InUse,
    private readonly log: Pick<Log, 'info' | 'warn'>,
  ) {}

  get(): Record<string, number> {
    return { ...this.limits.toWire() };
  }

  set(patch: unknown): Record<string, number> {
    const parsed = parseLimitsPatch(patch);
    if (!parsed.ok) throw new AppError('input_schema', parsed.problems.join('; '));
    this.apply(parsed.value);
    return this.get();
  }

  apply(patch: LimitsPatch): void {
    const before = this.get();
    this.limits.apply(patch);
    const after = this.get();
    const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
    if (changed.length === 0) return;
    const these = (values: Record<string, number>) => Object.fromEntries(changed.map((name) => [name, values[name]]));
    this.log.info({ old: these(before), new: these(after) }, 'resource limits changed');
  }

  /** Throws AppError when a limit is reached. */
  admit(): void {
    const { refusal, used } = this.capacity();
    if (refusal === null) return;
    const { maxConcurrentIceAgents, maxConcurrentCreates } = this.limits.current();
    const [inUse, limit] =
      refusal === 'limit_ice_agents'
        ? [used['ice_agents'], maxConcurrentIceAgents]
        : [used['creates'], maxConcurrentCreates];
    this.log.warn({ code: refusal, used: inUse, limit }, 'a new tube was refused: a limit is reached');
    throw new AppError(refusal);
  }

  capacity(): { used: Record<string, number>; free: Record<string, number>; refusal: FailureCode | null } {
    const { maxConcurrentIceAgents, maxConcurrentCreates, maxConcurrentSockets } = this.limits.current();
    const { iceAgents, creates } = this.inUse();
    const free = (limit: number, used: number): number => Math.max(0, limit - used);
    const refusal =
      iceAgents >= maxConcurrentIceAgents
        ? 'limit_ice_agents'
        : creates >= maxConcurrentCreates
          ? 'limit_creates'
          : null;
    return {
      used: { ice_agents: iceAgents, creates, sockets: 0 },
      free: {
        ice_agents: free(maxConcurrentIceAgents, iceAgents),
        creates: free(maxConcurrentCreates, creates),
        sockets: maxConcurrentSockets,
      },
      refusal,
    };
  }
}
