/**
 * The profiles of contract section 9: numbers that suit a kind of network. They stand between the defaults and what is configured
 * explicitly. Every profile names every number, so that a tube can choose another profile than its service.
 */
import type { TubeSettings } from '../../machines/settings.js';

export const profileNames = ['production', 'corporate', 'mobile', 'low_latency'] as const;
export type ProfileName = (typeof profileNames)[number];

type ProfileTubeKey =
  'keepaliveSignalIntervalMs' | 'sessionTimeoutMs' | 'healthCheckIntervalMs' | 'iceGatherTimeoutMs' | 'pingIntervalMs';

export interface Profile {
  readonly tube: Readonly<Pick<TubeSettings, ProfileTubeKey>>;
  readonly service: { readonly maxConcurrentIceAgents: number };
}

export const profiles: Readonly<Record<ProfileName, Profile>> = {
  production: {
    tube: {
      keepaliveSignalIntervalMs: 300_000,
      sessionTimeoutMs: 3_600_000,
      healthCheckIntervalMs: 120_000,
      iceGatherTimeoutMs: 30_000,
      pingIntervalMs: 5000,
    },
    service: { maxConcurrentIceAgents: 1000 },
  },
  corporate: {
    tube: {
      keepaliveSignalIntervalMs: 240_000,
      sessionTimeoutMs: 7_200_000,
      healthCheckIntervalMs: 60_000,
      iceGatherTimeoutMs: 30_000,
      pingIntervalMs: 5000,
    },
    service: { maxConcurrentIceAgents: 2000 },
  },
  mobile: {
    tube: {
      keepaliveSignalIntervalMs: 180_000,
      sessionTimeoutMs: 1_800_000,
      healthCheckIntervalMs: 30_000,
      iceGatherTimeoutMs: 30_000,
      pingIntervalMs: 3000,
    },
    service: { maxConcurrentIceAgents: 1000 },
  },
  low_latency: {
    tube: {
      keepaliveSignalIntervalMs: 300_000,
      sessionTimeoutMs: 3_600_000,
      healthCheckIntervalMs: 15_000,
      iceGatherTimeoutMs: 5000,
      pingIntervalMs: 1000,
    },
    service: { maxConcurrentIceAgents: 1000 },
  },
};
