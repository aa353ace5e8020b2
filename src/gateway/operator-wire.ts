/** Schemas of the calls that operators make on /control (docs/api.md, "For operators"): shape and size only. */
import { z } from 'zod';
import { faults } from '../operator/operator.types.js';
import { tubeId } from './wire.js';

const dayMs = 24 * 60 * 60 * 1000;
const defaultFaultMs = 30_000;
const maxFaultMs = 10 * 60 * 1000;

export const setLogLevel = z
  .strictObject({
    target: z.string().max(64),
    level: z.string().max(64),
    ttl_ms: z.int().min(1000).max(dayMs).optional(),
  })
  .transform(({ target, level, ttl_ms }) => ({ target, level, ttlMs: ttl_ms ?? null }));

export const injectFault = z
  .strictObject({
    tube_id: tubeId,
    fault: z.enum(faults),
    duration_ms: z.int().min(100).max(maxFaultMs).default(defaultFaultMs),
  })
  .transform((call) => ({ tubeId: call.tube_id, fault: call.fault, durationMs: call.duration_ms }));
