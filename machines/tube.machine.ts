/**
 * The life of one tube: initializing → connecting → connected ⇄ degraded → failed, and closed. It decides which generation carries data; when to
 * try another is the restart child's business, liveness the keepalive child's, quality the health child's. Driven by the registry (`tube.*`) and
 * by its own children. The words are defined in tube.setup.ts and what it extends, the steps on the context in tube.context.ts.
 */
import { createContext } from './tube.context.js';
import { nodeFactsOf } from './tube.evidence.js';
import { tubeSetup } from './tube.setup.js';

export const tubeMachine = tubeSetup.createMachine({
  id: 'tube',
  description: 'One supervised logical WebRTC connection with one peer.',
  context: ({ input }) => createContext(input),
  initial: 'initializing',
  on: {
    'tube.close': { target: '.closed', actions: { type: 'setCloseReason', params: ({ event }) => event } },
    'tube.activity': { actions: { type: 'noteActivity', params: ({ event }) => event } },
    'tube.dataSent': {
      actions: ['startSession', { type: 'lookIfSilent', params: ({ event }) => event }],
      description: 'Data of ours keeps the session, but shows nothing of the peer: no activity, no proof of the path.',
    },
    'tube.operationFailed': { actions: 'noteFailedOperation' },
    'tube.peerSignalling': { actions: { type: 'noteSignalling', params: ({ event }) => event } },
    'tube.nodeChanged': { actions: { type: 'noteNode', params: ({ event }) => event } },
    'tube.networkChanged': {
      actions: { type: 'noteNode', params: ({ event }) => ({ node: nodeFactsOf(event) }) },
      description: 'Nothing to restart: the first connection is on its way, or the tube was given up.',
    },
    'tube.remoteDescription': [
      {
        guard: { type: 'awaitsAnswer', params: ({ event }) => event },
        actions: { type: 'applyAnswer', params: ({ event }) => event },
        description: 'Applying the answer completes an initial offer or a restart; nothing else is needed.',
      },
      { actions: { type: 'refuseDescription', params: ({ event }) => event } },
    ],
    'tube.remoteCandidate': [
      {
        guard: { type: 'knowsGeneration', params: ({ event }) => event },
        actions: { type: 'addCandidate', params: ({ event }) => event },
      },
      {
        actions: { type: 'refuseStale', params: ({ event }) => event },
        description: 'A candidate of a dead generation is refused and counted.',
      },
    ],
    'tube.restart': {
      actions: { type: 'refuseEarlyRestart', params: ({ event }) => event },
      description: 'Before the first connection there is nothing to restart: the pending offer stands.',
    },
    'transport.candidate': { actions: { type: 'emitCandidate', params: ({ event }) => event } },
    'transport.stateChanged': { actions: { type: 'noteTransportState', params: ({ event }) => event } },
    'transport.channelOpened': { actions: { type: 'noteChannel', params: ({ event }) => event } },
    'transport.channelClosed': {
      guard: { type: 'isCurrent', params: ({ event }) => event },
      actions: { type: 'noteChannelGone', params: ({ event }) => event },
      description: 'The channels of a generation that is going away end with it; that says nothing of the next.',
    },
    'transport.candidateAccepted': { actions: { type: 'emitAccepted', params: ({ event }) => event } },
    'transport.refused': { actions: { type: 'emitRefused', params: ({ event }) => event } },
    'transport.remoteApplied': [
      {
        guard: { type: 'isPending', params: ({ event }) => event },
        actions: [{ type: 'noteRemote', params: ({ event }) => event }, 'emitRecord'],
      },
      {
        actions: { type: 'refuseStale', params: ({ event }) => event },
        description: 'Of a generation that was dropped meanwhile.',
      },
    ],
    'transport.heard': [
      {
        guard: { type: 'isProvingData', params: ({ event }) => event },
        actions: [
          { type: 'noteActivity', params: ({ event }) => event },
          { type: 'provePath', params: ({ event }) => event },
          'startSession',
        ],
      },
      {
        guard: { type: 'isData', params: ({ event }) => event },
        actions: [{ type: 'noteActivity', params: ({ event }) => event }, 'startSession'],
        description: 'Data over a generation that lingers or comes up says nothing of the active path.',
      },
      {
        guard: { type: 'provesPath', params: ({ event }) => event },
        actions: [
          { type: 'noteActivity', params: ({ event }) => event },
          { type: 'provePath', params: ({ event }) => event },
        ],
      },
      { actions: { type: 'noteActivity', params: ({ event }) => event } },
    ],
    'transport.pong': {
      guard: { type: 'provesPath', params: ({ event }) => event },
      actions: { type: 'notePong', params: ({ event }) => event },
      description: 'One that was asked for before the network changed proves nothing.',
    },
    'transport.selectedPair': {
      guard: { type: 'isActive', params: ({ event }) => event },
      actions: { type: 'notePair', params: ({ event }) => event },
    },
    'turn.refreshDue': { actions: 'refreshTurnLater', description: 'A restart that runs brings new credentials too.' },
    'transport.sampled': { actions: { type: 'noteSample', params: ({ event }) => event } },
    'transport.closed': { actions: { type: 'forgetGeneration', params: ({ event }) => event } },
    'keepalive.ping': { actions: { type: 'pingPath', params: ({ event }) => event } },
    'keepalive.missed': { actions: { type: 'noteMissedPing', params: ({ event }) => event } },
    'health.poll': { actions: 'samplePath' },
    'health.polled': { actions: { type: 'emitPolled', params: ({ event }) => event } },
    'health.verdict': { actions: { type: 'emitQuality', params: ({ event }) => event } },
    'health.poorRestarts': { actions: { type: 'notePoorRestarts', params: ({ event }) => event } },
    'restart.decided': { actions: { type: 'emitDecision', params: ({ event }) => event } },
    'restart.breakerChanged': { actions: { type: 'noteBreaker', params: ({ event }) => event } },
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
      entry: {
        type: 'emitState',
        params: ({ context }) => ({ state: 'initializing', reason: context.generation > 0 ? 'resumed' : 'created' }),
      },
      after: {
        initializeTimeout: {
          target: 'failed',
          actions: { type: 'setCloseReason', params: { reason: 'gather_timeout' } },
        },
      },
      on: {
        'tube.begin': [
          {
            guard: 'cannotComeBack',
            target: 'closed',
            actions: { type: 'setCloseReason', params: { reason: 'trickle_disabled' } },
            description: 'Its path is gone, and without trickle there is no restart.',
          },
          {
            guard: 'isResumed',
            target: '#tube.degraded.restarting',
            actions: [
              'adoptGeneration',
              'watchPath',
              'startSession',
              'startKeepaliveSignal',
              { type: 'restartOnResume', params: ({ event }) => event },
            ],
            description: 'Carried on from a record: adopt the path that still lives, and restart.',
          },
          {
            actions: ['startSession', 'startKeepaliveSignal', { type: 'openFirst', params: ({ event }) => event }],
            description: 'The session counts from here too: the first connection may come about by a restart.',
          },
        ],
        'transport.described': {
          guard: { type: 'isPending', params: ({ event }) => event },
          target: 'connecting',
          actions: { type: 'noteDescribed', params: ({ event }) => event },
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
            { type: 'blameFailure', params: ({ event }) => event },
          ],
        },
      },
    },
    connecting: {
      description: 'Waits for the remote description, ICE, DTLS and the control channel.',
      entry: { type: 'emitState', params: { state: 'connecting', reason: 'described' } },
      after: {
        connectTimeout: [
          {
            guard: 'answeredAndTrickles',
            target: '#tube.degraded.restarting',
            actions: { type: 'restartHandshake', params: ({ context }) => ({ atMs: context.lastActivityAtMs }) },
          },
          { target: 'failed', actions: { type: 'setCloseReason', params: { reason: 'connect_timeout' } } },
        ],
      },
      on: {
        'transport.up': {
          guard: { type: 'isPending', params: ({ event }) => event },
          target: 'connected',
          actions: [
            { type: 'cutOver', params: ({ event }) => event },
            'watchPath',
            'startSession',
            'startKeepaliveSignal',
          ],
        },
        'transport.down': [
          {
            guard: 'answeredAndTrickles',
            target: '#tube.degraded.restarting',
            actions: { type: 'restartHandshake', params: ({ event }) => event },
            description: 'A first handshake that fails is answered with a new generation.',
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
    },
    connected: {
      description: 'Data flows; pings and polls watch the path.',
      tags: 'usable',
      entry: [
        { type: 'emitState', params: { state: 'connected', reason: 'a path works' } },
        { type: 'setHealthPace', params: { degraded: false } },
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
        'session.keepaliveDue': { actions: ['emitKeepalive', 'startKeepaliveSignal'] },
        'keepalive.suspect': { target: 'degraded', actions: 'doubtPath' },
        'keepalive.lost': [
          { guard: 'trickles', target: '#tube.degraded.restarting.doubtful', actions: 'restartOnSilence' },
          { target: 'closed', actions: { type: 'setCloseReason', params: { reason: 'trickle_disabled' } } },
        ],
        'health.restartAdvised': {
          guard: 'trickles',
          target: '#tube.degraded.restarting',
          actions: { type: 'restartOnAdvice', params: ({ event }) => event },
        },
        'tube.networkChanged': [
          {
            guard: { type: 'cutsPathOff', params: ({ event }) => event },
            target: '#tube.degraded.restarting.doubtful',
            actions: { type: 'restartOnNetwork', params: ({ event }) => event },
          },
          {
            guard: { type: 'callsForRestart', params: ({ event }) => event },
            target: '#tube.degraded.restarting',
            actions: { type: 'restartOnNetwork', params: ({ event }) => event },
          },
          { actions: { type: 'leaveAlone', params: ({ event }) => event } },
        ],
        'turn.refreshDue': {
          guard: 'trickles',
          target: '#tube.degraded.restarting',
          actions: ['restartOnExpiry', 'refreshTurnLater'],
        },
        'tube.peerReplaced': [
          {
            guard: 'canReplacePath',
            target: '#tube.degraded.restarting',
            actions: { type: 'restartOnReplacement', params: ({ event }) => event },
            description: 'The process or page that the path led to is gone.',
          },
          {
            guard: 'hasPath',
            target: 'closed',
            actions: { type: 'setCloseReason', params: { reason: 'trickle_disabled' } },
          },
        ],
        'transport.down': [
          {
            guard: { type: 'losesPath', params: ({ event }) => event },
            target: '#tube.degraded.restarting',
            actions: { type: 'restartOnLoss', params: ({ event }) => event },
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
              { type: 'restartOnLoss', params: ({ event }) => event },
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
            actions: { type: 'restartOnRequest', params: ({ event }) => event },
          },
          { actions: { type: 'refuseWithoutTrickle', params: ({ event }) => event } },
        ],
        'tube.remoteDescription': {
          guard: { type: 'mayOffer', params: ({ event }) => event },
          target: '#tube.degraded.restarting',
          actions: { type: 'answerOffer', params: ({ event }) => event },
          description: 'The peer restarts by itself: its offer is answered with a new generation.',
        },
        'restart.giveUp': [
          {
            guard: { type: 'mustClose', params: ({ event }) => event },
            target: 'closed',
            actions: { type: 'setCloseReason', params: ({ event }) => event },
          },
          { actions: 'closeIncident', description: 'A doubt was the last straw, and wrong: the path is sound.' },
        ],
      },
    },
    degraded: {
      description: 'Trouble is suspected or a restart runs. The working path, if any, keeps carrying data.',
      tags: 'recovering',
      entry: ['emitDegraded', { type: 'setHealthPace', params: { degraded: true } }],
      on: {
        'tube.peerReplaced': [
          {
            guard: 'canReplacePath',
            target: '.restarting',
            actions: { type: 'restartOnReplacement', params: ({ event }) => event },
            description: 'The process or page that the path led to is gone.',
          },
          {
            guard: 'hasPath',
            target: 'closed',
            actions: { type: 'setCloseReason', params: { reason: 'trickle_disabled' } },
          },
        ],
        'transport.down': [
          {
            guard: { type: 'losesPath', params: ({ event }) => event },
            target: '.restarting',
            actions: { type: 'restartOnLoss', params: ({ event }) => event },
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
              { type: 'restartOnLoss', params: ({ event }) => event },
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
            'keepalive.restored': { target: '#tube.connected', actions: 'emitRestored' },
            'keepalive.lost': [
              { guard: 'trickles', target: 'restarting.doubtful', actions: 'restartOnSilence' },
              { target: '#tube.closed', actions: { type: 'setCloseReason', params: { reason: 'trickle_disabled' } } },
            ],
            'tube.networkChanged': [
              {
                guard: { type: 'callsForRestart', params: ({ event }) => event },
                target: 'restarting.doubtful',
                actions: { type: 'restartOnNetwork', params: ({ event }) => event },
              },
              { actions: { type: 'leaveAlone', params: ({ event }) => event } },
            ],
            'tube.remoteDescription': {
              guard: { type: 'mayOffer', params: ({ event }) => event },
              target: 'restarting.doubtful',
              actions: { type: 'answerOffer', params: ({ event }) => event },
            },
            'tube.restart': [
              {
                guard: 'trickles',
                target: 'restarting.doubtful',
                actions: { type: 'restartOnRequest', params: ({ event }) => event },
              },
              { actions: { type: 'refuseWithoutTrickle', params: ({ event }) => event } },
            ],
          },
        },
        restarting: {
          description: 'The restart child decides when; here its generations are built, followed and cut over to.',
          after: {
            incidentDeadline: [
              {
                guard: 'pathIsSound',
                target: '#tube.connected',
                actions: [
                  {
                    type: 'dropPending',
                    params: { failure: { code: 'restart_exhausted', detail: '' }, afterMs: null },
                  },
                  'closeIncident',
                ],
              },
              { target: '#tube.failed', actions: { type: 'setCloseReason', params: { reason: 'restart_exhausted' } } },
            ],
          },
          on: {
            'tube.restart': { actions: { type: 'passRequest', params: ({ event }) => event } },
            'tube.networkChanged': [
              {
                guard: { type: 'callsForRestart', params: ({ event }) => event },
                actions: { type: 'restartOnNetwork', params: ({ event }) => event },
                description:
                  'The restart child decides: it goes ahead of the backoff, or supersedes what is on its way.',
              },
              { actions: { type: 'leaveAlone', params: ({ event }) => event } },
            ],
            'tube.remoteDescription': {
              guard: { type: 'mayOffer', params: ({ event }) => event },
              actions: { type: 'answerOffer', params: ({ event }) => event },
            },
            'restart.begin': { actions: { type: 'beginAttempt', params: ({ event }) => event } },
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
                { type: 'tellRestart', params: { type: 'generation.described' } },
              ],
            },
            'transport.remoteApplied': {
              guard: { type: 'isPending', params: ({ event }) => event },
              actions: [
                { type: 'noteRemote', params: ({ event }) => event },
                { type: 'tellAnswered', params: ({ event }) => event },
                { type: 'endOldPath', params: ({ event: { atMs } }) => ({ atMs, when: 'offerer' }) },
                'emitRecord',
              ],
              description:
                'A plain peer has let go of its old path with the answer, so ours is closed; not earlier (that would close its channels), not later (it would cling to the old path).',
            },
            'transport.iceConnected': {
              guard: { type: 'isPending', params: ({ event }) => event },
              actions: [
                { type: 'endOldPath', params: ({ event: { atMs } }) => ({ atMs, when: 'answerer' }) },
                'emitRecord',
              ],
              description: 'The peer that offered by itself uses the new path: it has applied our answer.',
            },
            'transport.up': {
              guard: { type: 'isPending', params: ({ event }) => event },
              target: '#tube.connected',
              actions: [
                { type: 'cutOver', params: ({ event }) => event },
                'watchPath',
                { type: 'tellRestart', params: ({ event: { atMs } }) => ({ type: 'generation.up', atMs }) },
                { type: 'emitRecovered', params: ({ event }) => event },
              ],
            },
            'transport.down': {
              guard: { type: 'isPending', params: ({ event }) => event },
              actions: { type: 'tellRestart', params: { type: 'generation.failed' } },
            },
            'transport.closed': {
              guard: { type: 'isPending', params: ({ event }) => event },
              actions: [
                { type: 'forgetGeneration', params: ({ event }) => event },
                { type: 'tellRestart', params: { type: 'generation.failed' } },
              ],
            },
            'transport.failed': [
              {
                guard: { type: 'isRefusedOffer', params: ({ event }) => event },
                target: 'callingOff',
                actions: { type: 'refuseOffer', params: ({ event }) => event },
                description: 'The offer of the peer is unusable: it is refused and changes nothing.',
              },
              {
                guard: { type: 'isPending', params: ({ event }) => event },
                actions: [
                  { type: 'emitFailure', params: ({ event }) => event },
                  { type: 'tellRestart', params: { type: 'generation.failed' } },
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
                'keepalive.suspect': { target: 'doubtful', actions: 'doubtPath' },
                'restart.abandon': {
                  guard: { type: 'wasSuspicion', params: ({ event }) => event },
                  target: '#tube.connected',
                  actions: [{ type: 'dropPending', params: ({ event }) => event }, 'standDown', 'emitRestored'],
                  description: 'A wrong suspicion costs nothing.',
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
                  { guard: 'isIdle', target: '#tube.connected', actions: ['standDown', 'emitRestored'] },
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
              actions: { type: 'tellRestart', params: { type: 'generation.failed' } },
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
        { type: 'emitState', params: ({ context }) => ({ state: 'failed', reason: context.closeReason }) },
        { type: 'dropPending', params: { failure: { code: 'restart_exhausted', detail: '' }, afterMs: null } },
        { type: 'losePath', params: ({ context }) => ({ atMs: context.lastHeardAtMs }) },
        'rememberOutage',
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
          actions: { type: 'restartOnReturn', params: ({ event }) => event },
        },
        'tube.restart': [
          {
            guard: 'trickles',
            target: '#tube.degraded.restarting',
            actions: { type: 'restartOnRequest', params: ({ event }) => event },
          },
          { actions: { type: 'refuseWithoutTrickle', params: ({ event }) => event } },
        ],
        'tube.remoteDescription': {
          guard: { type: 'mayOffer', params: ({ event }) => event },
          target: '#tube.degraded.restarting',
          actions: { type: 'answerOffer', params: ({ event }) => event },
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
