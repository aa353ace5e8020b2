/**
 * One incident's restarts: when to try, how long to wait, when to stop. Lives from the first sign of trouble until the tube was stable for
 * `incidentResetMs`. It builds nothing: `restart.begin` asks the tube for a new generation, and the tube tells how that generation fares.
 * Driven by the tube; every decision is reported with its evidence (`restart.decided`).
 */
import { assign, sendParent, setup } from 'xstate';
import type { CloseReason, FailureCode } from './failure.js';
import { afterOpenWait, afterSuccess } from './policies/breaker.js';
import { isNetworkTrigger, type RestartTrigger } from './policies/recovery.js';
import {
  accept,
  afterFailedAttempt,
  decision,
  isAheadTrigger,
  isBettering,
  maxReplacements,
  patienceMs,
  ruled,
  skips,
  verdictOf,
  type DecisionParams,
  type EvidencePatch,
  type RestartContext,
  type RestartEvent,
  type RestartInput,
  type Trigger,
} from './restart.context.js';

export type { RestartEvent, RestartInput };

const restartSetup = setup({
  types: { context: {} as RestartContext, events: {} as RestartEvent, input: {} as RestartInput },
  actions: {
    accept: assign(({ context }, params: Trigger) => accept(context, params)),
    noteEvidence: assign(({ context }, params: { patch: EvidencePatch }) => ({
      evidence: { ...context.evidence, ...params.patch },
    })),
    dropWait: assign({ delayMs: 0 }),
    countAttempt: assign({ attempts: ({ context }) => context.attempts + 1, replacements: 0, delayMs: 0 }),
    /** An attempt that no peer could have answered, or that a newer network voids, costs nothing. */
    uncountAttempt: assign({ attempts: ({ context }) => context.attempts - 1 }),
    beFresh: assign({ fresh: true }),
    countReplacement: assign({ replacements: ({ context }) => context.replacements + 1 }),
    countStall: assign({ stalls: ({ context }) => context.stalls + 1 }),
    noteRtt: assign((_, params: { rttMs: number | null }) => ({ rttMs: params.rttMs })),
    adopt: assign((_, params: { trigger: RestartTrigger }) => ({
      trigger: params.trigger,
      fresh: false,
      requestId: null,
    })),
    noteEnd: assign((_, params: { atMs: number }) => ({ endedAtMs: params.atMs })),
    countFailure: assign(({ context }) => afterFailedAttempt(context)),
    countSuccess: assign({
      breaker: ({ context }) => afterSuccess(context.breaker, context.settings.breakerSuccessThreshold),
      failures: 0,
      stalls: 0,
      requestId: null,
    }),
    halfOpen: assign({ breaker: ({ context }) => afterOpenWait(context.breaker), delayMs: 0 }),
    begin: sendParent(({ context }) => ({
      type: 'restart.begin',
      attempt: context.attempts,
      trigger: context.trigger,
      fresh: context.fresh,
    })),
    abandon: sendParent(
      ({ context }, params: { code: FailureCode; afterMs?: 'answerTimeoutMs' | 'generationTimeoutMs' }) => ({
        type: 'restart.abandon',
        failure: { code: params.code, detail: '' },
        afterMs: params.afterMs === undefined ? null : context.settings[params.afterMs],
      }),
    ),
    giveUp: sendParent((_, params: { reason: CloseReason; close: boolean }) => ({ type: 'restart.giveUp', ...params })),
    reportBreaker: sendParent(({ context }) => ({ type: 'restart.breakerChanged', breaker: context.breaker })),
    decide: sendParent(({ context }, params: DecisionParams) => decision(context, params)),
    /** In the words of the decision table. */
    decideToGo: sendParent(({ context }) => ruled(context, 'do')),
    decideToWait: sendParent(({ context }) => ruled(context, 'wait')),
    // A trigger that is not taken up; the decision is about that trigger, not about the one that the restart is for.
    skipInBackoff: sendParent(({ context }, asked: Trigger) => decision(context, skips.inBackoff, asked)),
    skipWithoutPeer: sendParent(({ context }, asked: Trigger) => decision(context, skips.withoutPeer, asked)),
    skipWithoutNetwork: sendParent(({ context }, asked: Trigger) => decision(context, skips.withoutNetwork, asked)),
    skipWhileOpen: sendParent(({ context }, asked: Trigger) => decision(context, skips.whileOpen, asked)),
    skipDuplicate: sendParent(({ context }, asked: Trigger) => decision(context, skips.duplicate, asked)),
  },
  guards: {
    /** A person who asks again gets another attempt (contract section 3, `failed`). */
    isExhausted: ({ context }) =>
      context.failures >= context.settings.maxRestartAttempts &&
      !(context.trigger === 'manual' && context.requestId !== null),
    breakerIsOpen: ({ context }) => context.breaker.kind === 'open',
    breakerCloses: ({ context }) =>
      context.breaker.kind === 'open' && context.settings.breakerAction === 'close' && !isBettering(context),
    /** Here something is missing: the network of this host, or a controller that the offer could be told to. */
    waitsForNode: ({ context }) => ['wait_for_network', 'wait_for_controller'].includes(verdictOf(context)),
    waitsForPeer: ({ context }) => verdictOf(context) === 'wait_for_peer',
    peerIsAway: ({ context }) => context.evidence.signalling === 'offline',
    /** What was waited for is there, or something else has to be waited for. */
    changesVerdict: ({ context }, params: { patch: EvidencePatch }) =>
      verdictOf({ evidence: { ...context.evidence, ...params.patch } }) !== verdictOf(context),
    /** The network of this host or of the peer is another, so what that end gathered for the generation is void, answered or not. */
    voidsGeneration: (_, { trigger, evidence }: Trigger) =>
      isNetworkTrigger(trigger) && !(evidence.source === 'host' && evidence.route === 'same'),
    needsSettling: ({ context }) => isNetworkTrigger(context.trigger),
    mustWait: ({ context }) => context.delayMs > 0,
    answerTimeoutCloses: ({ context }) => context.settings.answerTimeoutAction === 'close' && !isBettering(context),
    isAhead: (_, params: { trigger: RestartTrigger }) => isAheadTrigger(params.trigger),
    isOrdinary: ({ context }, params: { fresh: boolean }) => !params.fresh || context.fresh,
    wantsFresh: ({ context }, params: { fresh: boolean }) => params.fresh && !context.fresh,
    isNetwork: (_, params: { trigger: RestartTrigger }) => isNetworkTrigger(params.trigger),
    losesChannels: ({ context }, params: { channelsLost: boolean }) =>
      params.channelsLost && context.replacements < maxReplacements,
    mayReplace: ({ context }) => context.replacements < maxReplacements,
  },
  delays: {
    settle: ({ context }) => context.settings.networkSettleMs,
    backoff: ({ context }) => context.delayMs,
    answerTimeout: ({ context }) => context.settings.answerTimeoutMs,
    generationTimeout: ({ context }) => context.settings.generationTimeoutMs,
    answeredConnectTimeout: ({ context }) => patienceMs(context),
    breakerOpen: ({ context }) => context.settings.breakerOpenMs,
  },
});

export const restartMachine = restartSetup.createMachine({
  id: 'restart',
  description:
    'Decides when a tube is offered a new generation: backoff, answer timeout, one at a time, circuit breaker.',
  context: ({ input }) => ({
    settings: input.settings,
    breaker: input.breaker,
    trigger: 'missed_pings',
    fresh: false,
    requestId: null,
    attempts: 0,
    failures: 0,
    replacements: 0,
    stalls: 0,
    rttMs: null,
    delayMs: 0,
    endedAtMs: 0,
    evidence: input.evidence,
    random: input.seed,
  }),
  initial: 'resting',
  on: {
    'restart.evidence': { actions: { type: 'noteEvidence', params: ({ event }) => event } },
    'restart.adopted': {
      target: '.attempting.verifying',
      actions: [
        { type: 'adopt', params: ({ event }) => event },
        { type: 'noteRtt', params: ({ event }) => event },
        'countAttempt',
        { type: 'decide', params: { action: 'do', why: 'the peer offers' } },
      ],
      description:
        'The peer restarts by itself; that goes ahead of backoff and breaker, which only hold back what we send.',
    },
    'restart.standDown': {
      target: '.resting',
      actions: { type: 'noteEnd', params: ({ event }) => event },
    },
  },
  states: {
    resting: {
      description: 'No restart is wanted. The counters of the incident are kept until the tube drops this actor.',
      on: {
        'restart.trigger': { target: 'deciding', actions: { type: 'accept', params: ({ event }) => event } },
      },
      after: {
        breakerOpen: {
          guard: 'breakerIsOpen',
          actions: ['halfOpen', 'reportBreaker'],
          description: 'An open breaker stays open for breakerOpenMs, wanted or not.',
        },
      },
    },
    deciding: {
      description: 'Do, wait or give up.',
      always: [
        {
          guard: 'isExhausted',
          target: 'exhausted',
          actions: [
            { type: 'decide', params: { action: 'give_up', why: 'all attempts are used', code: 'restart_exhausted' } },
            { type: 'giveUp', params: { reason: 'restart_exhausted', close: false } },
          ],
        },
        { guard: 'waitsForNode', target: 'waitingForNetwork', actions: 'decideToWait' },
        {
          guard: 'breakerIsOpen',
          target: 'breakerOpen',
          actions: {
            type: 'decide',
            params: { action: 'wait', why: 'the circuit breaker is open', code: 'restart_breaker_open' },
          },
        },
        { guard: 'waitsForPeer', target: 'waitingForPeer', actions: 'decideToWait' },
        {
          guard: 'mustWait',
          target: 'backoff',
          actions: { type: 'decide', params: { action: 'wait', why: 'backoff' } },
        },
        { guard: 'needsSettling', target: 'settling' },
        { target: 'attempting', actions: ['countAttempt', 'decideToGo'] },
      ],
    },
    settling: {
      description: 'An interface or address changed: give it a moment before candidates are gathered.',
      after: {
        settle: { target: 'attempting', actions: ['countAttempt', 'decideToGo'] },
      },
      on: {
        'restart.trigger': [
          {
            guard: { type: 'isAhead', params: ({ event }) => event },
            target: 'deciding',
            actions: { type: 'accept', params: ({ event }) => event },
          },
          {
            actions: { type: 'skipDuplicate', params: ({ event }) => event },
            description:
              'What follows from the change (silence, a lost transport) has its restart already, without a backoff.',
          },
        ],
      },
    },
    backoff: {
      description: 'Waits between attempts. A request by a person or peer, or a network change, goes ahead.',
      after: { backoff: { target: 'deciding', actions: 'dropWait' } },
      on: {
        'restart.trigger': [
          {
            guard: { type: 'isAhead', params: ({ event }) => event },
            target: 'deciding',
            actions: { type: 'accept', params: ({ event }) => event },
          },
          { actions: { type: 'skipInBackoff', params: ({ event }) => event } },
        ],
      },
    },
    waitingForPeer: {
      description:
        'The peer signals directly and its socket is down: an offer could not reach it, so attempts are not burnt.',
      on: {
        'restart.evidence': [
          {
            guard: { type: 'changesVerdict', params: ({ event }) => event },
            target: 'deciding',
            actions: [{ type: 'noteEvidence', params: ({ event }) => event }, 'dropWait'],
          },
          { actions: { type: 'noteEvidence', params: ({ event }) => event } },
        ],
        'restart.trigger': { actions: { type: 'skipWithoutPeer', params: ({ event }) => event } },
      },
    },
    waitingForNetwork: {
      description:
        'This host has no way to the peer, the storm governor holds restarts, or no controller follows the tube yet: an attempt would fail, and is not burnt.',
      on: {
        'restart.evidence': [
          {
            guard: { type: 'changesVerdict', params: ({ event }) => event },
            target: 'deciding',
            actions: [{ type: 'noteEvidence', params: ({ event }) => event }, 'dropWait'],
          },
          { actions: { type: 'noteEvidence', params: ({ event }) => event } },
        ],
        'restart.trigger': [
          {
            guard: { type: 'isAhead', params: ({ event }) => event },
            target: 'deciding',
            actions: { type: 'accept', params: ({ event }) => event },
            description: 'Somebody who knows more, or news of the network.',
          },
          { actions: { type: 'skipWithoutNetwork', params: ({ event }) => event } },
        ],
      },
    },
    breakerOpen: {
      description: 'Too many failures in a row: nothing is sent until breakerOpenMs have passed.',
      after: { breakerOpen: { target: 'deciding', actions: ['halfOpen', 'reportBreaker'] } },
      on: {
        'restart.trigger': { actions: { type: 'skipWhileOpen', params: ({ event }) => event } },
      },
    },
    attempting: {
      description: 'One generation at a time is on its way.',
      initial: 'offering',
      after: {
        generationTimeout: {
          target: 'attemptFailed',
          actions: { type: 'abandon', params: { code: 'transport_timeout', afterMs: 'generationTimeoutMs' } },
        },
      },
      on: {
        'restart.trigger': [
          {
            guard: { type: 'isNetwork', params: ({ event }) => event },
            target: 'deciding',
            actions: [
              'uncountAttempt',
              { type: 'abandon', params: { code: 'restart_in_progress' } },
              { type: 'accept', params: ({ event }) => event },
            ],
            description: 'A newer network change supersedes an attempt that has not been answered.',
          },
          {
            guard: { type: 'wantsFresh', params: ({ event }) => event },
            target: 'deciding',
            actions: [
              'uncountAttempt',
              { type: 'abandon', params: { code: 'restart_in_progress' } },
              { type: 'accept', params: ({ event }) => event },
            ],
            description: 'Who asks for fresh channels cannot use the offer that is out.',
          },
          { actions: { type: 'skipDuplicate', params: ({ event }) => event } },
        ],
        'generation.failed': {
          target: 'attemptFailed',
          actions: { type: 'abandon', params: { code: 'transport_down' } },
        },
        'generation.up': {
          target: 'resting',
          actions: ['countSuccess', { type: 'noteEnd', params: ({ event }) => event }, 'reportBreaker'],
        },
      },
      states: {
        offering: {
          description: 'The tube builds the generation and describes it.',
          entry: 'begin',
          on: { 'generation.described': 'awaitingAnswer' },
        },
        awaitingAnswer: {
          description: 'The offer is out. Applying the answer completes the restart; nobody has to say so.',
          after: {
            answerTimeout: [
              {
                guard: 'peerIsAway',
                target: '#restart.waitingForPeer',
                actions: [
                  'uncountAttempt',
                  { type: 'abandon', params: { code: 'restart_peer_away', afterMs: 'answerTimeoutMs' } },
                  { type: 'decide', params: { action: 'wait', why: 'the signalling of the peer went down' } },
                ],
              },
              {
                guard: 'answerTimeoutCloses',
                target: '#restart.exhausted',
                actions: [
                  { type: 'abandon', params: { code: 'transport_answer_timeout', afterMs: 'answerTimeoutMs' } },
                  {
                    type: 'decide',
                    params: { action: 'give_up', why: 'answer timeout', code: 'transport_answer_timeout' },
                  },
                  { type: 'giveUp', params: { reason: 'answer_timeout', close: true } },
                ],
              },
              {
                target: '#restart.attemptFailed',
                actions: { type: 'abandon', params: { code: 'transport_answer_timeout', afterMs: 'answerTimeoutMs' } },
              },
            ],
          },
          on: {
            'generation.answered': [
              {
                guard: { type: 'losesChannels', params: ({ event }) => event },
                target: 'offering',
                actions: ['countReplacement', 'beFresh'],
                description:
                  'A page was reloaded, say: it is offered another generation, whose channels are opened in-band.',
              },
              { target: 'verifying', actions: { type: 'noteRtt', params: ({ event }) => event } },
            ],
          },
        },
        verifying: {
          description: 'Answered; ICE, DTLS and channels come up.',
          after: {
            answeredConnectTimeout: {
              guard: 'mayReplace',
              target: 'offering',
              actions: ['countReplacement', 'countStall'],
              description:
                'The network may have changed after the answer, and a browser may cling to its old path: another generation is quicker than waiting, unless the way is long.',
            },
          },
          on: {
            'restart.trigger': [
              {
                guard: { type: 'voidsGeneration', params: ({ event }) => event },
                target: '#restart.deciding',
                actions: [
                  'uncountAttempt',
                  { type: 'abandon', params: { code: 'restart_in_progress' } },
                  { type: 'accept', params: ({ event }) => event },
                ],
                description: 'What was gathered for the generation belongs to a network that is gone.',
              },
              {
                guard: { type: 'isOrdinary', params: ({ event }) => event },
                actions: { type: 'skipDuplicate', params: ({ event }) => event },
              },
            ],
            'generation.failed': [
              {
                guard: 'mayReplace',
                target: 'offering',
                actions: 'countReplacement',
                description: 'A handshake that fails is answered with a new generation.',
              },
              { target: '#restart.attemptFailed', actions: { type: 'abandon', params: { code: 'transport_down' } } },
            ],
          },
        },
      },
    },
    attemptFailed: {
      description: 'Counts the failure; the breaker may open.',
      entry: ['countFailure', 'reportBreaker'],
      always: [
        {
          guard: 'breakerCloses',
          target: 'exhausted',
          actions: [
            {
              type: 'decide',
              params: { action: 'give_up', why: 'the circuit breaker opened', code: 'restart_breaker_open' },
            },
            { type: 'giveUp', params: { reason: 'breaker_open', close: true } },
          ],
        },
        { target: 'deciding' },
      ],
    },
    exhausted: {
      type: 'final',
      description: 'Given up. The tube decides what that means: failed, closed, or back to a path that still works.',
    },
  },
});
