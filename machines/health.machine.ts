/**
 * Quality of one path: asks for a sample at a slow pace (faster while the tube is degraded), scores it, and advises a restart after so many poor
 * polls in a row, or when operations fail while nothing is heard. It measures nothing itself: `health.poll` goes to the tube, which asks the transport.
 * Loss is that of the burst of probes that the poll made; with a peer that answers none, that of a recent window of pings (policies/ping-loss.ts).
 */
import { assign, sendParent, setup } from 'xstate';
import type { QualityFinding, QualityVerdict } from './events.js';
import { lossRatio, worseLoss, type ProbeCounts } from './policies/loss.js';
import { firstWindow, nextWindow, type LossWindow, type PingCounts } from './policies/ping-loss.js';
import { pollsBeforeRestart, qualityScore, qualityVerdict, type QualitySample } from './policies/quality.js';
import type { PeerKind } from './ports/transport.port.js';
import type { TubeSettings } from './settings.js';

/** What one poll brought: pings of the generation since it was built, probes of this poll (null: none were answered), round-trip time. */
export interface PathSample extends PingCounts {
  readonly probes: ProbeCounts | null;
  readonly rttMs: number | null;
}

export interface HealthContext {
  readonly settings: TubeSettings;
  readonly degraded: boolean;
  /** The last ten scores, oldest first. */
  readonly scores: readonly number[];
  /** What they were made of; the last one is `sample`. */
  readonly samples: readonly QualitySample[];
  readonly sample: QualitySample;
  /** The verdict was found by a poll; the first one is a hope. */
  readonly isPolled: boolean;
  readonly window: LossWindow;
  readonly verdict: QualityVerdict;
  /** In a row, of those that a restart is advised for. */
  readonly poorPolls: number;
  /** In a row. */
  readonly goodPolls: number;
  /** At the ordinary pace, since the path is watched or a restart was advised. */
  readonly polls: number;
  /** Restarts for quality in a row that did not help; the tube keeps the number from path to path. */
  readonly poorRestarts: number;
  readonly peerKind: PeerKind;
  readonly failedOperations: number;
}

export type HealthEvent =
  | { readonly type: 'health.sample'; readonly sample: PathSample }
  | { readonly type: 'health.pace'; readonly degraded: boolean }
  | { readonly type: 'health.heard' }
  | { readonly type: 'health.operationFailed' };

/** Contract section 6: the last ten are kept. */
const keptScores = 10;

function judge(context: HealthContext, polled: PathSample): Partial<HealthContext> & { verdict: QualityVerdict } {
  const window = nextWindow(context.window, polled);
  const loss = polled.probes === null ? window.loss : worseLoss(polled.probes);
  const sample = { loss, rttMs: polled.rttMs };
  const verdict = qualityVerdict(sample, context.settings);
  // A plain peer pays for a restart with a pause, and a long way is seldom the path's fault.
  const blamed = context.peerKind === 'plain' ? { ...sample, rttMs: null } : sample;
  const isBlamed = qualityVerdict(blamed, context.settings) === 'poor';
  return {
    sample,
    window,
    verdict,
    isPolled: true,
    scores: [...context.scores, qualityScore(sample)].slice(-keptScores),
    samples: [...context.samples, sample].slice(-keptScores),
    poorPolls: isBlamed ? context.poorPolls + 1 : 0,
    goodPolls: verdict === 'good' ? context.goodPolls + 1 : 0,
    polls: context.degraded ? context.polls : context.polls + 1,
  };
}

const finding = ({ verdict, scores, sample: { loss, rttMs } }: HealthContext): QualityFinding => ({
  verdict,
  score: scores.at(-1) ?? 1,
  lossRatio: loss === null ? null : lossRatio(loss),
  rttMs,
});

const healthSetup = setup({
  types: {
    context: {} as HealthContext,
    events: {} as HealthEvent,
    input: {} as { readonly settings: TubeSettings; readonly peerKind: PeerKind; readonly poorRestarts: number },
  },
  actions: {
    askForSample: sendParent({ type: 'health.poll' }),
    judge: assign(({ context }, params: { sample: PathSample }) => judge(context, params.sample)),
    reportPoll: sendParent(({ context }) => ({ type: 'health.polled', ...finding(context) })),
    reportVerdict: sendParent(({ context }) => ({ type: 'health.verdict', ...finding(context) })),
    advisePoor: sendParent({ type: 'health.restartAdvised', trigger: 'poor_quality' }),
    adviseUnhealthy: sendParent({ type: 'health.restartAdvised', trigger: 'unhealthy' }),
    clearHistory: assign({ scores: [], samples: [], poorPolls: 0, polls: 0 }),
    countRestart: assign({ poorRestarts: ({ context }) => context.poorRestarts + 1 }),
    forgetRestarts: assign({ poorRestarts: 0 }),
    reportRestarts: sendParent(({ context }) => ({ type: 'health.poorRestarts', count: context.poorRestarts })),
    setPace: assign((_, params: { degraded: boolean }) => ({ degraded: params.degraded })),
    countFailed: assign({ failedOperations: ({ context }) => context.failedOperations + 1 }),
    clearFailed: assign({ failedOperations: 0 }),
  },
  guards: {
    verdictChanges: ({ context }, params: { sample: PathSample }) =>
      judge(context, params.sample).verdict !== context.verdict,
    wasPoorTooOften: ({ context }) =>
      context.poorPolls >= context.settings.poorPollsToRestart &&
      context.polls >= pollsBeforeRestart(context.poorRestarts, context.settings),
    isGoodAgain: ({ context }) => context.poorRestarts > 0 && context.goodPolls >= keptScores,
    failsTooOften: ({ context }) => context.failedOperations > context.settings.unhealthyFailedOperations,
    paceChanges: ({ context }, params: { degraded: boolean }) => params.degraded !== context.degraded,
  },
  delays: {
    pollInterval: ({ context }) =>
      context.degraded ? context.settings.degradedHealthCheckIntervalMs : context.settings.healthCheckIntervalMs,
    inactivity: ({ context }) => context.settings.unhealthyInactivityMs,
  },
});

export const healthMachine = healthSetup.createMachine({
  id: 'health',
  description: 'Judges the quality of one path.',
  context: ({ input }) => ({
    settings: input.settings,
    degraded: false,
    scores: [],
    samples: [],
    isPolled: false,
    sample: { loss: null, rttMs: null },
    window: firstWindow,
    verdict: 'good',
    poorPolls: 0,
    goodPolls: 0,
    polls: 0,
    poorRestarts: input.poorRestarts,
    peerKind: input.peerKind,
    failedOperations: 0,
  }),
  type: 'parallel',
  states: {
    polling: {
      description: 'The slow poll.',
      initial: 'resting',
      on: {
        'health.pace': {
          guard: { type: 'paceChanges', params: ({ event }) => event },
          target: '.resting',
          actions: { type: 'setPace', params: ({ event }) => event },
        },
      },
      states: {
        resting: {
          description: 'Waits for the next poll.',
          after: { pollInterval: { target: 'sampling', actions: 'askForSample' } },
        },
        sampling: {
          description:
            'The transport has been asked; it answers when it has probed the path, or never when it is going away.',
          on: {
            'health.sample': [
              {
                guard: { type: 'verdictChanges', params: ({ event }) => event },
                target: 'judged',
                actions: [{ type: 'judge', params: ({ event }) => event }, 'reportPoll', 'reportVerdict'],
              },
              { target: 'judged', actions: [{ type: 'judge', params: ({ event }) => event }, 'reportPoll'] },
            ],
          },
          after: { pollInterval: { target: 'sampling', reenter: true, actions: 'askForSample' } },
        },
        judged: {
          description:
            'Three poor polls in a row call for an overlapping restart, later each time that one did not help; the history starts anew.',
          always: [
            {
              guard: 'wasPoorTooOften',
              target: 'resting',
              actions: ['countRestart', 'reportRestarts', 'advisePoor', 'clearHistory'],
            },
            { guard: 'isGoodAgain', target: 'resting', actions: ['forgetRestarts', 'reportRestarts'] },
            { target: 'resting' },
          ],
        },
      },
    },
    activity: {
      description: 'No activity for 10 s and more than 3 failed operations: unhealthy.',
      initial: 'active',
      states: {
        active: {
          description: 'Something was heard lately. Failures are counted but prove nothing yet.',
          on: {
            'health.heard': { target: 'active', reenter: true, actions: 'clearFailed' },
            'health.operationFailed': { actions: 'countFailed' },
          },
          after: { inactivity: 'silent' },
        },
        silent: {
          description: 'Nothing was heard for unhealthyInactivityMs.',
          always: { guard: 'failsTooOften', target: 'active', actions: ['adviseUnhealthy', 'clearFailed'] },
          on: {
            'health.heard': { target: 'active', actions: 'clearFailed' },
            'health.operationFailed': { target: 'silent', reenter: true, actions: 'countFailed' },
          },
        },
      },
    },
  },
});
