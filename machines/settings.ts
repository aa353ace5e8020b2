/**
 * The numbers and choices that one tube runs by, resolved once when it is created (profile, service configuration, per-tube
 * overrides) and never changed afterwards. Defaults, ranges and descriptions live in src/config/schema.ts only.
 */

export type ChannelClass = 'reliable' | 'latest';

export interface ChannelSpec {
  readonly label: string;
  readonly class: ChannelClass;
}

export interface TubeSettings {
  /** Names of what the numbers came from, for people; absent in what was written before there was this field. */
  readonly profile?: string;
  readonly recoveryPolicy?: string;
  readonly trickleIce: boolean;
  readonly connectTimeoutMs: number;
  readonly iceGatherTimeoutMs: number;
  readonly generationTimeoutMs: number;
  readonly generationLingerMs: number;
  /** A peer that answered but is not connected after this is offered another generation within the same attempt; on a long way it has more time. */
  readonly answeredConnectTimeoutMs: number;
  readonly answerTimeoutMs: number;
  readonly answerTimeoutAction: 'retry' | 'close';
  readonly networkSettleMs: number;
  /** Waits between the attempts of one incident; the last one repeats. */
  readonly restartBackoffMs: readonly number[];
  readonly maxRestartAttempts: number;
  readonly incidentResetMs: number;
  readonly incidentDeadlineMs: number;
  readonly failedRetentionMs: number;
  readonly breakerFailureThreshold: number;
  readonly breakerOpenMs: number;
  readonly breakerSuccessThreshold: number;
  readonly breakerAction: 'hold' | 'close';
  readonly pingIntervalMs: number;
  readonly suspectPingIntervalMs: number;
  readonly missedPingsToDegrade: number;
  readonly missedPingsToRestart: number;
  readonly keepaliveSignalIntervalMs: number;
  readonly sessionTimeoutMs: number;
  readonly sessionWarningMs: number;
  /** Life of the TURN credentials that a generation is built with; 0 = they do not expire. */
  readonly turnCredentialTtlMs: number;
  readonly healthCheckIntervalMs: number;
  readonly degradedHealthCheckIntervalMs: number;
  readonly poorScore: number;
  readonly poorLossRatio: number;
  readonly poorRttMs: number;
  readonly poorPollsToRestart: number;
  readonly warnLossRatio: number;
  readonly warnRttMs: number;
  readonly unhealthyInactivityMs: number;
  readonly unhealthyFailedOperations: number;
  readonly channels: readonly ChannelSpec[];
  readonly replayBufferBytes: number;
  readonly dropAboveBufferedBytes: number;
  readonly maxMessageBytes: number;
}
