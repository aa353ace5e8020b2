/**
 * The life of one tube: initializing → connecting → connected ⇄ degraded → failed, and closed. It decides which generation carries data; when to
 * try another is the restart child's business, liveness the keepalive child's, quality the health child's. Driven by the registry (`tube.*`) and
 * by its own children. The words are defined in tube.setup.ts, the steps on the context in tube.context.ts.
 */
import { createContext, misfit } from './tube.context.js';
import { tubeSetup } from './tube.setup.js';

export const tubeMachine = tubeSetup.createMachine({
  id: 'tube',
  description: 'One supervised logical WebRTC connection with one peer.',
  context: ({ input }) => createContext(input),
  initial: 'initializing',
  on: {
    'tube.close': {
      target: '.closed',
      actions: { type: 'setCloseReason', params: ({ event }) => ({ reason: event.reason }) },
    },
    'tube.activity': { actions: { type: 'noteActivity', params: ({ event }) => ({ atMs: event.atMs }) } },
    'tube.operationFailed': { actions: { type: 'tellHealth', params: { failed: true } } },
    'tube.peerSignalling': {
      actions: [
        { type: 'noteSignalling', params: ({ event }) => ({ online: event.online }) },
        { type: 'noteActivity', params: ({ event }) => ({ atMs: event.atMs }) },
        {
          type: 'tellRestart',
          params: ({ event }) => ({ event: event.online ? { type: 'peer.online' } : { type: 'peer.offline' } }),
        },
      ],
    },
    'tube.remoteDescription': [
      {
        guard: { type: 'awaitsAnswer', params: ({ event }) => event },
        description: 'Applying the answer completes an initial offer or a restart; nothing else is needed.',
        actions: [
          { type: 'noteActivity', params: ({ event }) => ({ atMs: event.atMs }) },
          {
            type: 'command',
            params: ({ context, event }) => ({
              generation: context.pending?.generation ?? null,
              command: { type: 'transport.applyAnswer', requestId: event.requestId, sdp: event.description.sdp },
            }),
          },
        ],
      },
      {
        actions: {
          type: 'emitRefused',
          params: ({ context, event }) => ({
            requestId: event.requestId,
            failure: misfit(context, event.description, event.generation),
          }),
        },
      },
    ],
    'tube.remoteCandidate': [
      {
        guard: { type: 'knowsGeneration', params: ({ event }) => event },
        actions: [
          { type: 'noteActivity', params: ({ event }) => ({ atMs: event.atMs }) },
          {
            type: 'command',
            params: ({ context, event: { type: _, ...candidate } }) => ({
              generation: candidate.generation ?? context.pending?.generation ?? context.active,
              command: {
                type: 'transport.addCandidate',
                requestId: candidate.requestId,
                candidate: candidate.candidate,
                mid: candidate.mid,
              },
            }),
          },
        ],
      },
      {
        description: 'A candidate of a dead generation is refused and counted.',
        actions: {
          type: 'emitRefused',
          params: ({ event }) => ({
            requestId: event.requestId,
            failure: { code: 'signalling_stale_generation', detail: '' },
          }),
        },
      },
    ],
    'tube.restart': {
      description: 'Before the first connection there is nothing to restart: the pending offer stands.',
      actions: { type: 'refuseRestart', params: ({ event }) => ({ ...event, code: 'restart_in_progress' }) },
    },
    'transport.candidate': {
      actions: {
        type: 'emitCandidate',
        params: ({ event: { generation, candidate, mid } }) => ({ generation, candidate, mid }),
      },
    },
    'transport.stateChanged': {
      actions: { type: 'noteTransportState', params: ({ event: { generation, state } }) => ({ generation, state }) },
    },
    'transport.channelOpened': {
      actions: { type: 'noteChannel', params: ({ event }) => ({ channel: event.channel }) },
    },
    'transport.channelClosed': {
      guard: { type: 'isCurrent', params: ({ event }) => event },
      description: 'The channels of a generation that is going away end with it; that says nothing of the next.',
      actions: { type: 'noteChannelGone', params: ({ event: { label, id, reason } }) => ({ label, id, reason }) },
    },
    'transport.candidateAccepted': {
      actions: { type: 'emitAccepted', params: ({ event: { requestId, generation } }) => ({ requestId, generation }) },
    },
    'transport.refused': {
      actions: { type: 'emitRefused', params: ({ event: { requestId, failure } }) => ({ requestId, failure }) },
    },
    'transport.remoteApplied': [
      {
        guard: { type: 'isPending', params: ({ event }) => event },
        actions: [
          { type: 'noteRemote', params: ({ event }) => event },
          { type: 'emitAccepted', params: ({ event: { requestId, generation } }) => ({ requestId, generation }) },
          'emitRecord',
        ],
      },
      {
        description: 'Of a generation that was dropped meanwhile.',
        actions: {
          type: 'emitRefused',
          params: ({ event }) => ({
            requestId: event.requestId,
            failure: { code: 'signalling_stale_generation', detail: '' },
          }),
        },
      },
    ],
    'transport.heard': [
      {
        guard: { type: 'isData', params: ({ event }) => event },
        actions: [
          { type: 'noteActivity', params: ({ event }) => ({ atMs: event.atMs }) },
          { type: 'tellKeepalive', params: { heard: true } },
          'startSession',
        ],
      },
      { actions: { type: 'noteActivity', params: ({ event }) => ({ atMs: event.atMs }) } },
    ],
    'transport.pong': {
      guard: { type: 'isActive', params: ({ event }) => event },
      actions: [
        { type: 'noteActivity', params: ({ event }) => ({ atMs: event.atMs }) },
        { type: 'tellKeepalive', params: ({ event }) => ({ rttMs: event.rttMs }) },
        { type: 'emitPing', params: ({ event }) => ({ outcome: 'pong', rttMs: event.rttMs }) },
      ],
    },
    'transport.sampled': {
      actions: [
        { type: 'emitSampled', params: ({ event: { generation, sample } }) => ({ generation, sample }) },
        { type: 'tellHealth', params: ({ event }) => ({ sample: event.sample }) },
      ],
    },
    'transport.closed': {
      actions: { type: 'forgetGeneration', params: ({ event }) => ({ generation: event.generation }) },
    },
    'keepalive.ping': {
      actions: {
        type: 'command',
        params: ({ context, event }) => ({
          generation: context.active,
          command: { type: 'transport.ping', seq: event.seq },
        }),
      },
    },
    'keepalive.missed': { actions: { type: 'emitPing', params: { outcome: 'missed', rttMs: null } } },
    'health.poll': {
      actions: {
        type: 'command',
        params: ({ context }) => ({ generation: context.active, command: { type: 'transport.sample' } }),
      },
    },
    'health.verdict': {
      actions: {
        type: 'emitQuality',
        params: ({ event: { verdict, score, lossRatio, rttMs } }) => ({ verdict, score, lossRatio, rttMs }),
      },
    },
    'restart.decided': {
      actions: {
        type: 'emitDecision',
        params: ({ event: { decision, requestId, code } }) => ({ decision, requestId, code }),
      },
    },
    'restart.breakerChanged': { actions: { type: 'noteBreaker', params: ({ event }) => ({ breaker: event.breaker }) } },
    'session.keepaliveDue': { actions: 'startKeepaliveSignal' },
    'session.warningDue': { actions: 'emitSessionWarning' },
    'session.timedOut': {
      target: '.closed',
      actions: { type: 'setCloseReason', params: { reason: 'session_timeout' } },
    },
  },
  states: {
    initializing: {
      description: 'Limits are checked, the transport is built and its description made.',
      entry: { type: 'emitState', params: { state: 'initializing', reason: 'created' } },
      on: {
        'tube.begin': [
          {
            guard: 'isResumed',
            target: '#tube.degraded.restarting',
            description: 'Carried on from a record: adopt the path that still lives, and restart.',
            actions: [
              'adoptGeneration',
              'watchPath',
              'startSession',
              'startKeepaliveSignal',
              {
                type: 'openIncident',
                params: ({ context, event: { atMs } }) => ({
                  trigger: 'crash',
                  atMs,
                  outageSinceMs: context.active === null ? atMs : null,
                  ask: { fresh: false, requestId: null },
                }),
              },
            ],
          },
          {
            description: 'The session counts from here too: the first connection may come about by a restart.',
            actions: [
              'startSession',
              'startKeepaliveSignal',
              {
                type: 'openGeneration',
                params: ({ event: { offer, atMs } }) => ({
                  init: {
                    as: offer === null ? 'offerer' : 'answerer',
                    inBand: true,
                    requestId: offer?.requestId ?? null,
                    attempt: 0,
                    trigger: null,
                    startedAtMs: atMs,
                  },
                  mode: offer === null ? { kind: 'offer' } : { kind: 'answer', ...offer },
                }),
              },
            ],
          },
        ],
        'transport.described': {
          guard: { type: 'isPending', params: ({ event }) => event },
          target: 'connecting',
          actions: [
            { type: 'noteDescribed', params: ({ event }) => event },
            { type: 'emitDescription', params: ({ event }) => event },
          ],
        },
        'transport.down': {
          guard: { type: 'isPending', params: ({ event }) => event },
          target: 'failed',
          actions: { type: 'setCloseReason', params: { reason: 'internal' } },
        },
        'transport.failed': {
          target: 'failed',
          actions: [
            { type: 'emitFailure', params: ({ event }) => event },
            {
              type: 'setCloseReason',
              params: ({ event }) => ({
                reason: event.failure.code === 'transport_gather_timeout' ? 'gather_timeout' : 'internal',
              }),
            },
          ],
        },
      },
      after: {
        initializeTimeout: {
          target: 'failed',
          actions: { type: 'setCloseReason', params: { reason: 'gather_timeout' } },
        },
      },
    },
    connecting: {
      description: 'Waits for the remote description, ICE, DTLS and the control channel.',
      entry: { type: 'emitState', params: { state: 'connecting', reason: 'described' } },
      on: {
        'transport.up': {
          guard: { type: 'isPending', params: ({ event }) => event },
          target: 'connected',
          actions: [
            { type: 'cutOver', params: ({ event }) => event },
            'watchPath',
            'startSession',
            'startKeepaliveSignal',
            { type: 'emitConnected', params: ({ event }) => event },
          ],
        },
        'transport.down': [
          {
            guard: 'answeredAndTrickles',
            target: '#tube.degraded.restarting',
            description: 'A first handshake that fails is answered with a new generation.',
            actions: [
              { type: 'dropPending', params: { failure: null, afterMs: null } },
              {
                type: 'openIncident',
                params: ({ event: { atMs } }) => ({
                  trigger: 'transport_failure',
                  atMs,
                  outageSinceMs: atMs,
                  ask: { fresh: true, requestId: null },
                }),
              },
            ],
          },
          { target: 'failed', actions: { type: 'setCloseReason', params: { reason: 'connect_timeout' } } },
        ],
        'transport.failed': {
          target: 'failed',
          actions: [
            { type: 'emitFailure', params: ({ event }) => event },
            { type: 'setCloseReason', params: { reason: 'internal' } },
          ],
        },
      },
      after: {
        connectTimeout: [
          {
            guard: 'answeredAndTrickles',
            target: '#tube.degraded.restarting',
            actions: [
              { type: 'dropPending', params: { failure: null, afterMs: null } },
              {
                type: 'openIncident',
                params: ({ context: { lastActivityAtMs: atMs } }) => ({
                  trigger: 'transport_failure',
                  atMs,
                  outageSinceMs: atMs,
                  ask: { fresh: true, requestId: null },
                }),
              },
            ],
          },
          { target: 'failed', actions: { type: 'setCloseReason', params: { reason: 'connect_timeout' } } },
        ],
      },
    },
    connected: {
      description: 'Data flows; pings and polls watch the path.',
      tags: 'usable',
      entry: [
        { type: 'emitState', params: { state: 'connected', reason: 'a path works' } },
        { type: 'tellHealth', params: { degraded: false } },
      ],
      after: {
        incidentReset: {
          guard: 'hasIncident',
          actions: 'closeIncident',
          description: 'Stable: the incident is over, its counters are forgotten.',
        },
        breakerOpen: {
          guard: 'breakerIsLeftOpen',
          actions: 'halfOpenBreaker',
          description: 'No restart child is there to do it.',
        },
      },
      on: {
        'restart.giveUp': [
          {
            guard: { type: 'mustClose', params: ({ event }) => event },
            target: 'closed',
            actions: { type: 'setCloseReason', params: ({ event }) => event },
          },
          { actions: 'closeIncident', description: 'A doubt was the last straw, and wrong: the path is sound.' },
        ],
        'session.keepaliveDue': { actions: ['emitKeepalive', 'startKeepaliveSignal'] },
        'keepalive.suspect': {
          target: 'degraded',
          actions: {
            type: 'openIncident',
            params: ({ context: { lastActivityAtMs: atMs } }) => ({
              trigger: 'missed_pings',
              atMs,
              outageSinceMs: atMs,
              ask: null,
            }),
          },
        },
        'keepalive.lost': [
          {
            guard: 'trickles',
            target: '#tube.degraded.restarting.doubtful',
            actions: {
              type: 'openIncident',
              params: ({ context: { lastActivityAtMs: atMs } }) => ({
                trigger: 'missed_pings',
                atMs,
                outageSinceMs: atMs,
                ask: { fresh: false, requestId: null },
              }),
            },
          },
          { target: 'closed', actions: { type: 'setCloseReason', params: { reason: 'trickle_disabled' } } },
        ],
        'health.restartAdvised': {
          guard: 'trickles',
          target: '#tube.degraded.restarting',
          actions: {
            type: 'openIncident',
            params: ({ context, event }) => ({
              trigger: event.trigger,
              atMs: context.lastActivityAtMs,
              outageSinceMs: null,
              ask: { fresh: false, requestId: null },
            }),
          },
        },
        'transport.down': [
          {
            guard: { type: 'losesPath', params: ({ event }) => event },
            target: '#tube.degraded.restarting',
            actions: [
              {
                type: 'openIncident',
                params: ({ event: { atMs } }) => ({
                  trigger: 'transport_failure',
                  atMs,
                  outageSinceMs: atMs,
                  ask: { fresh: false, requestId: null },
                }),
              },
              { type: 'losePath', params: ({ event }) => event },
            ],
          },
          {
            guard: { type: 'isActive', params: ({ event }) => event },
            target: 'closed',
            actions: { type: 'setCloseReason', params: { reason: 'trickle_disabled' } },
            description: 'Without trickle there is no restart: the tube closes gracefully.',
          },
        ],
        'transport.closed': [
          {
            guard: { type: 'losesPath', params: ({ event }) => event },
            target: '#tube.degraded.restarting',
            actions: [
              {
                type: 'openIncident',
                params: ({ event: { atMs } }) => ({
                  trigger: 'transport_failure',
                  atMs,
                  outageSinceMs: atMs,
                  ask: { fresh: false, requestId: null },
                }),
              },
              { type: 'losePath', params: ({ event }) => event },
              { type: 'forgetGeneration', params: ({ event }) => event },
            ],
          },
          {
            guard: { type: 'isActive', params: ({ event }) => event },
            target: 'closed',
            actions: { type: 'setCloseReason', params: { reason: 'trickle_disabled' } },
          },
          { actions: { type: 'forgetGeneration', params: ({ event }) => event } },
        ],
        'tube.restart': [
          {
            guard: 'trickles',
            target: '#tube.degraded.restarting',
            actions: {
              type: 'openIncident',
              params: ({ event: { trigger, atMs, fresh, requestId } }) => ({
                trigger,
                atMs,
                outageSinceMs: null,
                ask: { fresh, requestId },
              }),
            },
          },
          {
            actions: { type: 'refuseRestart', params: ({ event }) => ({ ...event, code: 'restart_trickle_disabled' }) },
          },
        ],
        'tube.remoteDescription': {
          guard: { type: 'mayOffer', params: ({ event }) => event },
          target: '#tube.degraded.restarting',
          description: 'The peer restarts by itself: its offer is answered with a new generation.',
          actions: [
            {
              type: 'openIncident',
              params: ({ event: { atMs } }) => ({ trigger: 'peer_offer', atMs, outageSinceMs: null, ask: null }),
            },
            { type: 'noteActivity', params: ({ event: { atMs } }) => ({ atMs }) },
            { type: 'answerOffer', params: ({ event }) => event },
          ],
        },
      },
    },
    degraded: {
      description: 'Trouble is suspected or a restart runs. The working path, if any, keeps carrying data.',
      tags: 'recovering',
      entry: [
        { type: 'emitState', params: { state: 'degraded', reason: 'trouble or restart' } },
        { type: 'tellHealth', params: { degraded: true } },
      ],
      after: {
        incidentDeadline: [
          {
            guard: 'pathIsSound',
            target: 'connected',
            actions: [
              { type: 'dropPending', params: { failure: { code: 'restart_exhausted', detail: '' }, afterMs: null } },
              'closeIncident',
            ],
          },
          { target: 'failed', actions: { type: 'setCloseReason', params: { reason: 'restart_exhausted' } } },
        ],
      },
      on: {
        'transport.down': [
          {
            guard: { type: 'losesPath', params: ({ event }) => event },
            target: '.restarting',
            actions: [
              {
                type: 'openIncident',
                params: ({ event: { atMs } }) => ({
                  trigger: 'transport_failure',
                  atMs,
                  outageSinceMs: atMs,
                  ask: { fresh: false, requestId: null },
                }),
              },
              { type: 'losePath', params: ({ event }) => event },
            ],
          },
          {
            guard: { type: 'isActive', params: ({ event }) => event },
            target: 'closed',
            actions: { type: 'setCloseReason', params: { reason: 'trickle_disabled' } },
          },
        ],
        'transport.closed': [
          {
            guard: { type: 'losesPath', params: ({ event }) => event },
            target: '.restarting',
            actions: [
              {
                type: 'openIncident',
                params: ({ event: { atMs } }) => ({
                  trigger: 'transport_failure',
                  atMs,
                  outageSinceMs: atMs,
                  ask: { fresh: false, requestId: null },
                }),
              },
              { type: 'losePath', params: ({ event }) => event },
              { type: 'forgetGeneration', params: ({ event }) => event },
            ],
          },
          {
            guard: { type: 'isActive', params: ({ event }) => event },
            target: 'closed',
            actions: { type: 'setCloseReason', params: { reason: 'trickle_disabled' } },
          },
          { actions: { type: 'forgetGeneration', params: ({ event }) => event } },
        ],
      },
      initial: 'doubted',
      states: {
        doubted: {
          description: 'Two pings are missing; nothing is done yet.',
          on: {
            'keepalive.restored': {
              target: '#tube.connected',
              actions: { type: 'emitRecovered', params: ({ context }) => ({ atMs: context.lastActivityAtMs }) },
            },
            'keepalive.lost': [
              {
                guard: 'trickles',
                target: 'restarting.doubtful',
                actions: {
                  type: 'openIncident',
                  params: ({ context: { lastActivityAtMs: atMs } }) => ({
                    trigger: 'missed_pings',
                    atMs,
                    outageSinceMs: atMs,
                    ask: { fresh: false, requestId: null },
                  }),
                },
              },
              { target: '#tube.closed', actions: { type: 'setCloseReason', params: { reason: 'trickle_disabled' } } },
            ],
            'tube.remoteDescription': {
              guard: { type: 'mayOffer', params: ({ event }) => event },
              target: 'restarting.doubtful',
              actions: [
                { type: 'noteActivity', params: ({ event: { atMs } }) => ({ atMs }) },
                { type: 'answerOffer', params: ({ event }) => event },
              ],
            },
            'tube.restart': [
              {
                guard: 'trickles',
                target: 'restarting.doubtful',
                actions: {
                  type: 'openIncident',
                  params: ({ event: { trigger, atMs, fresh, requestId } }) => ({
                    trigger,
                    atMs,
                    outageSinceMs: null,
                    ask: { fresh, requestId },
                  }),
                },
              },
              {
                actions: {
                  type: 'refuseRestart',
                  params: ({ event }) => ({ ...event, code: 'restart_trickle_disabled' }),
                },
              },
            ],
          },
        },
        restarting: {
          description: 'The restart child decides when; here its generations are built, followed and cut over to.',
          on: {
            'tube.restart': {
              actions: {
                type: 'tellRestart',
                params: ({ event }) => ({ event: { ...event, type: 'restart.trigger' } }),
              },
            },
            'tube.remoteDescription': {
              guard: { type: 'mayOffer', params: ({ event }) => event },
              actions: [
                { type: 'noteActivity', params: ({ event: { atMs } }) => ({ atMs }) },
                {
                  type: 'dropPending',
                  params: { failure: { code: 'restart_in_progress', detail: 'the peer offers' }, afterMs: null },
                },
                { type: 'answerOffer', params: ({ event }) => event },
              ],
            },
            'restart.begin': {
              actions: [
                { type: 'dropPending', params: { failure: null, afterMs: null } },
                {
                  type: 'openGeneration',
                  params: ({ context, event: { attempt, trigger, fresh } }) => ({
                    init: {
                      as: 'offerer',
                      inBand: fresh,
                      requestId: null,
                      attempt,
                      trigger,
                      startedAtMs: context.lastActivityAtMs,
                    },
                    mode: { kind: 'offer' },
                  }),
                },
              ],
            },
            'restart.abandon': { actions: { type: 'dropPending', params: ({ event }) => event } },
            'restart.giveUp': [
              {
                guard: { type: 'mustClose', params: ({ event }) => event },
                target: '#tube.closed',
                actions: { type: 'setCloseReason', params: ({ event }) => event },
              },
              { target: '#tube.failed', actions: { type: 'setCloseReason', params: ({ event }) => event } },
            ],
            'transport.described': {
              guard: { type: 'isPending', params: ({ event }) => event },
              actions: [
                { type: 'noteDescribed', params: ({ event }) => event },
                { type: 'emitDescription', params: ({ event }) => event },
                { type: 'tellRestart', params: { event: { type: 'generation.described' } } },
              ],
            },
            'transport.remoteApplied': {
              guard: { type: 'isPending', params: ({ event }) => event },
              description:
                'A plain peer has let go of its old path with the answer, so ours is closed; not earlier, not later (transport-facts section 2).',
              actions: [
                { type: 'noteRemote', params: ({ event }) => event },
                { type: 'emitAccepted', params: ({ event }) => event },
                {
                  type: 'tellRestart',
                  params: ({ context, event }) => ({
                    event: {
                      type: 'generation.answered',
                      peerIsPlain: event.sameConnection,
                      channelsLost: event.newConnection && context.pending?.inBand === false,
                    },
                  }),
                },
                { type: 'endOldPath', params: ({ event: { atMs } }) => ({ atMs, when: 'offerer' }) },
                'emitRecord',
              ],
            },
            'transport.iceConnected': {
              guard: { type: 'isPending', params: ({ event }) => event },
              description: 'The peer that offered by itself uses the new path: it has applied our answer.',
              actions: [
                { type: 'endOldPath', params: ({ event: { atMs } }) => ({ atMs, when: 'answerer' }) },
                'emitRecord',
              ],
            },
            'transport.up': {
              guard: { type: 'isPending', params: ({ event }) => event },
              target: '#tube.connected',
              actions: [
                { type: 'cutOver', params: ({ event }) => event },
                'watchPath',
                { type: 'tellRestart', params: ({ event: { atMs } }) => ({ event: { type: 'generation.up', atMs } }) },
                { type: 'emitRecovered', params: ({ event }) => event },
              ],
            },
            'transport.down': {
              guard: { type: 'isPending', params: ({ event }) => event },
              actions: { type: 'tellRestart', params: { event: { type: 'generation.failed' } } },
            },
            'transport.closed': {
              guard: { type: 'isPending', params: ({ event }) => event },
              actions: [
                { type: 'forgetGeneration', params: ({ event }) => event },
                { type: 'tellRestart', params: { event: { type: 'generation.failed' } } },
              ],
            },
            'transport.failed': [
              {
                guard: { type: 'isRefusedOffer', params: ({ event }) => event },
                target: 'callingOff',
                description: 'The offer of the peer is unusable: it is refused and changes nothing.',
                actions: { type: 'refuseOffer', params: ({ event }) => event },
              },
              {
                guard: { type: 'isPending', params: ({ event }) => event },
                actions: [
                  { type: 'emitFailure', params: ({ event }) => event },
                  { type: 'tellRestart', params: { event: { type: 'generation.failed' } } },
                ],
              },
            ],
          },
          initial: 'overlapping',
          states: {
            overlapping: {
              description: 'The old path is sound and carries data meanwhile.',
              tags: 'usable',
              always: { guard: 'hasNoPath', target: 'pathless' },
              on: {
                'keepalive.suspect': {
                  target: 'doubtful',
                  actions: {
                    type: 'openIncident',
                    params: ({ context: { lastActivityAtMs: atMs } }) => ({
                      trigger: 'missed_pings',
                      atMs,
                      outageSinceMs: atMs,
                      ask: null,
                    }),
                  },
                },
                'restart.abandon': {
                  guard: { type: 'wasSuspicion', params: ({ event }) => event },
                  target: '#tube.connected',
                  description: 'A wrong suspicion costs nothing.',
                  actions: [
                    { type: 'dropPending', params: ({ event }) => event },
                    'standDown',
                    { type: 'emitRecovered', params: ({ context }) => ({ atMs: context.lastActivityAtMs }) },
                  ],
                },
                'restart.giveUp': [
                  {
                    guard: { type: 'mustClose', params: ({ event }) => event },
                    target: '#tube.closed',
                    actions: { type: 'setCloseReason', params: ({ event }) => event },
                  },
                  { target: '#tube.connected', actions: 'closeIncident' },
                ],
              },
            },
            doubtful: {
              description: 'Pings are missing on the old path.',
              always: { guard: 'hasNoPath', target: 'pathless' },
              on: {
                'keepalive.restored': [
                  {
                    guard: 'isIdle',
                    target: '#tube.connected',
                    actions: [
                      'standDown',
                      { type: 'emitRecovered', params: ({ context }) => ({ atMs: context.lastActivityAtMs }) },
                    ],
                  },
                  { target: 'overlapping', actions: 'endOutage' },
                ],
              },
            },
            pathless: { description: 'No path: outgoing messages wait.' },
          },
        },
        callingOff: {
          description: 'Back to what was before an offer that could not be used.',
          always: [
            {
              guard: 'hasNoPath',
              target: 'restarting',
              actions: { type: 'tellRestart', params: { event: { type: 'generation.failed' } } },
            },
            { guard: 'pathIsDoubted', target: 'doubted', actions: 'standDown' },
            { target: '#tube.connected', actions: 'standDown' },
          ],
        },
      },
    },
    failed: {
      description: 'Given up automatically; kept for a manual restart, or for the peer that comes back.',
      entry: [
        { type: 'emitState', params: { state: 'failed', reason: 'given up' } },
        { type: 'dropPending', params: { failure: null, afterMs: null } },
        { type: 'losePath', params: ({ context }) => ({ atMs: context.lastActivityAtMs }) },
        'closeIncident',
      ],
      after: {
        failedRetention: 'closed',
        breakerOpen: { guard: 'breakerIsLeftOpen', actions: 'halfOpenBreaker' },
      },
      on: {
        'tube.peerSignalling': {
          guard: { type: 'comesBack', params: ({ event }) => event },
          target: '#tube.degraded.restarting',
          actions: [
            { type: 'noteSignalling', params: ({ event }) => event },
            { type: 'noteActivity', params: ({ event: { atMs } }) => ({ atMs }) },
            {
              type: 'openIncident',
              params: ({ event: { atMs } }) => ({
                trigger: 'peer_request',
                atMs,
                outageSinceMs: atMs,
                ask: { fresh: false, requestId: null },
              }),
            },
          ],
        },
        'tube.restart': [
          {
            guard: 'trickles',
            target: '#tube.degraded.restarting',
            actions: {
              type: 'openIncident',
              params: ({ event: { trigger, atMs, fresh, requestId } }) => ({
                trigger,
                atMs,
                outageSinceMs: atMs,
                ask: { fresh, requestId },
              }),
            },
          },
          {
            actions: { type: 'refuseRestart', params: ({ event }) => ({ ...event, code: 'restart_trickle_disabled' }) },
          },
        ],
        'tube.remoteDescription': {
          guard: { type: 'mayOffer', params: ({ event }) => event },
          target: '#tube.degraded.restarting',
          actions: [
            {
              type: 'openIncident',
              params: ({ event: { atMs } }) => ({ trigger: 'peer_offer', atMs, outageSinceMs: atMs, ask: null }),
            },
            { type: 'noteActivity', params: ({ event: { atMs } }) => ({ atMs }) },
            { type: 'answerOffer', params: ({ event }) => event },
          ],
        },
      },
    },
    closed: {
      type: 'final',
      description: 'Everything is released.',
      tags: 'terminal',
      entry: [{ type: 'emitState', params: { state: 'closed', reason: 'closed' } }, 'emitClosed'],
    },
  },
});
