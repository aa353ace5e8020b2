/**
 * Liveness of one path: pings on the control channel, counts what stays unanswered, and reports by exception. It sends nothing itself: `keepalive.ping`
 * goes to the tube, which commands the transport. A peer that has never answered a ping is not judged by pings (contract section 5).
 * Driven by the tube: input the settings; events `keepalive.pong`, `keepalive.heard`, `keepalive.look` and `keepalive.doubt`.
 */
import { assign, sendParent, setup } from 'xstate';
import { pingTimeoutMs, updateRtt, type RttEstimate } from './policies/ping-timeout.js';
import type { TubeSettings } from './settings.js';

export interface KeepaliveContext {
  readonly settings: TubeSettings;
  /** Of the last ping sent; counts from 1. */
  readonly seq: number;
  /** Pings in a row without an answer. */
  readonly missed: number;
  readonly rtt: RttEstimate | null;
  /** The peer has answered a ping once, so that silence means something. */
  readonly answers: boolean;
}

export type KeepaliveEvent =
  | { readonly type: 'keepalive.pong'; readonly rttMs: number | null }
  /** Something came: the path is alive, pong or not. */
  | { readonly type: 'keepalive.heard' }
  /** Ping now instead of after the pause: somebody wants to know. */
  | { readonly type: 'keepalive.look' }
  /** The path is known, or said, to be cut off: as if pings were missing already, so that a pong is news. */
  | { readonly type: 'keepalive.doubt' };

/** Milliseconds from one ping to the next. */
function pauseMs({ settings, missed }: KeepaliveContext): number {
  return missed === 0 ? settings.pingIntervalMs : Math.min(settings.suspectPingIntervalMs, settings.pingIntervalMs);
}

/** Milliseconds a ping waits for its pong; at least what the pace allows when nothing is known. */
function timeoutMs(context: KeepaliveContext): number {
  return pingTimeoutMs(context.rtt, pauseMs(context));
}

const keepaliveSetup = setup({
  types: {
    context: {} as KeepaliveContext,
    events: {} as KeepaliveEvent,
    input: {} as { readonly settings: TubeSettings },
  },
  actions: {
    countPing: assign({ seq: ({ context }) => context.seq + 1 }),
    sendPing: sendParent(({ context }) => ({ type: 'keepalive.ping', seq: context.seq })),
    countMissed: assign({ missed: ({ context }) => (context.answers ? context.missed + 1 : 0) }),
    reportMissed: sendParent(({ context }) => ({
      type: 'keepalive.missed',
      missed: context.missed,
      seq: context.seq,
      timeoutMs: timeoutMs(context),
    })),
    reportSuspect: sendParent(({ context }) => ({ type: 'keepalive.suspect', missed: context.missed })),
    reportLost: sendParent(({ context }) => ({ type: 'keepalive.lost', missed: context.missed })),
    reportRestored: sendParent({ type: 'keepalive.restored' }),
    clearMissed: assign({ missed: 0 }),
    beSuspicious: assign({
      missed: ({ context }) => Math.max(context.missed, context.answers ? context.settings.missedPingsToDegrade : 0),
    }),
    learn: assign(({ context }, params: { rttMs: number | null }) => ({
      answers: true,
      rtt: params.rttMs === null ? context.rtt : updateRtt(context.rtt, params.rttMs),
    })),
  },
  guards: {
    wasSuspect: ({ context }) => context.missed >= context.settings.missedPingsToDegrade,
    isLost: ({ context }) => context.missed >= context.settings.missedPingsToRestart,
    isSuspect: ({ context }) => context.missed === context.settings.missedPingsToDegrade,
    isBeingAsked: ({ context }) => context.missed > 0 && context.missed < context.settings.missedPingsToDegrade,
    hasMissed: ({ context }) => context.missed > 0,
  },
  delays: {
    pongTimeout: ({ context }) => timeoutMs(context),
    restOfPause: ({ context }) => Math.max(0, pauseMs(context) - (context.missed === 0 ? 0 : timeoutMs(context))),
  },
});

export const keepaliveMachine = keepaliveSetup.createMachine({
  id: 'keepalive',
  description:
    'Pings one path and reports silence: suspect after two missed pings, lost after three and at each one more.',
  context: ({ input }) => ({ settings: input.settings, seq: 0, missed: 0, rtt: null, answers: false }),
  initial: 'awaitingPong',
  on: {
    'keepalive.pong': [
      {
        guard: 'wasSuspect',
        target: '.resting',
        actions: [{ type: 'learn', params: ({ event }) => ({ rttMs: event.rttMs }) }, 'clearMissed', 'reportRestored'],
      },
      {
        target: '.resting',
        actions: [{ type: 'learn', params: ({ event }) => ({ rttMs: event.rttMs }) }, 'clearMissed'],
      },
    ],
    'keepalive.heard': [
      { guard: 'wasSuspect', actions: ['clearMissed', 'reportRestored'], description: 'Data counts as a pong.' },
      { actions: 'clearMissed' },
    ],
  },
  states: {
    resting: {
      description: 'The last ping was answered; the next one is due after the pause.',
      after: { restOfPause: 'awaitingPong' },
      on: {
        'keepalive.look': 'awaitingPong',
        'keepalive.doubt': { target: 'awaitingPong', actions: 'beSuspicious' },
      },
    },
    awaitingPong: {
      description: 'A ping is out. Who wants to know has to wait for it: a new one each time would never be missed.',
      entry: ['countPing', 'sendPing'],
      after: { pongTimeout: { target: 'missed', actions: 'countMissed' } },
      on: { 'keepalive.doubt': { actions: 'beSuspicious' } },
    },
    missed: {
      description: 'No answer came in time. From here the pace is faster.',
      always: [
        { guard: 'isLost', target: 'pausing', actions: ['reportMissed', 'reportLost'] },
        { guard: 'isSuspect', target: 'pausing', actions: ['reportMissed', 'reportSuspect'] },
        {
          guard: 'isBeingAsked',
          target: 'awaitingPong',
          actions: 'reportMissed',
          description: 'One missed ping is asked after at once.',
        },
        { guard: 'hasMissed', target: 'pausing', actions: 'reportMissed' },
        { target: 'pausing', description: 'The peer has never answered a ping: silence means nothing.' },
      ],
    },
    pausing: {
      description: 'Waits out the pause to the next ping after a missed one.',
      after: { restOfPause: 'awaitingPong' },
      on: {
        'keepalive.look': 'awaitingPong',
        'keepalive.doubt': { target: 'awaitingPong', actions: 'beSuspicious' },
      },
    },
  },
});
