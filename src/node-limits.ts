/**
 * What this node admits, and how much of it is in use: the run-time limits of src/config as the gateway wants them (tubes.port.ts). Lowering a
 * limit refuses newcomers and never touches a live tube.
 */
import type { FailureCode } from '../machines/failure.js';
import { parseLimitsPatch, type ResourceLimits } from './config/limits.js';
import { AppError } from './errors.js';
import type { Limits } from './gateway/tubes.port.js';

export interface InUse {
  readonly iceAgents: number;
  readonly creates: number;
}

export class NodeLimits implements Limits {
  constructor(
    private readonly limits: ResourceLimits,
    private readonly inUse: () => InUse,
  ) {}

  get(): Record<string, number> {
    return { ...this.limits.toWire() };
  }

  set(patch: unknown): Record<string, number> {
    const parsed = parseLimitsPatch(patch);
    if (!parsed.ok) throw new AppError('input_schema', parsed.problems.join('; '));
    this.limits.apply(parsed.value);
    return this.get();
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
