/**
 * The named recovery policies: how hard a tube tries before it gives up, as the documents that the service grew from have it. They stand between
 * the profile and what is configured explicitly. Like a profile, each names every number of its table, so that a tube can choose another
 * policy than its service. Numbers only; what they mean is the business of the charts.
 */
import type { TubeSettings } from '../../machines/settings.js';

export const recoveryPolicyNames = ['standard', 'strict', 'server', 'suite'] as const;
export type RecoveryPolicyName = (typeof recoveryPolicyNames)[number];

type PolicyKey =
  | 'answerTimeoutAction'
  | 'breakerAction'
  | 'maxRestartAttempts'
  | 'incidentDeadlineMs'
  | 'unhealthyInactivityMs'
  | 'unhealthyFailedOperations';

/** `healthCheckIntervalMs` is a number of the profile; a policy that needs another says so. */
export type RecoveryPolicy = Readonly<
  Pick<TubeSettings, PolicyKey> & Partial<Pick<TubeSettings, 'healthCheckIntervalMs'>>
>;

/** The contract's numbers (section 4): hold on, and try for ten minutes. */
const standard: RecoveryPolicy = {
  answerTimeoutAction: 'retry',
  breakerAction: 'hold',
  maxRestartAttempts: 10,
  incidentDeadlineMs: 600_000,
  unhealthyInactivityMs: 10_000,
  unhealthyFailedOperations: 3,
};

export const recoveryPolicies: Readonly<Record<RecoveryPolicyName, RecoveryPolicy>> = {
  standard,
  /** The guide: no answer, or an open breaker, is the end of the tube. */
  strict: { ...standard, answerTimeoutAction: 'close', breakerAction: 'close' },
  /** The recovering server: unhealthy after 10 s of silence and more than 3 failures, at most 3 attempts, a check every 5 s. */
  server: { ...standard, maxRestartAttempts: 3, healthCheckIntervalMs: 5000 },
  /** The test suite: 3 attempts, 30 s. */
  suite: { ...standard, maxRestartAttempts: 3, incidentDeadlineMs: 30_000 },
};
