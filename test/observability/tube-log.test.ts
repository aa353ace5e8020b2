// Every emission has its line, and the texts that operators search for are exact.
import { describe, expect, test } from '@jest/globals';
import { createActor, sendTo, setup } from 'xstate';
import type { RestartDecision } from '../../machines/events.js';
import { restartMachine, type RestartEvent, type RestartInput } from '../../machines/restart.machine.js';
import { configSchema } from '../../src/config/schema.js';
import type { LogTarget } from '../../src/config/log-targets.js';
import type { Log } from '../../src/observability/logger.js';
import { createTubeLog, hostChangeLine, lineOf } from '../../src/observability/tube-log.js';
import { emissions, identity, noticeOf } from './notices.js';
import { evidenceOf } from '../support/evidence.js';

const inProgress = 'ICE restart already in progress, skipping duplicate request';

describe('lines', () => {
  test('there is one for every emission but the record and what a poll found', () => {
    for (const emission of Object.values(emissions)) {
      const line = lineOf(noticeOf(emission));
      if (emission.type === 'record' || emission.type === 'polled') expect(line).toBeNull();
      else expect(line?.msg).toMatch(/\w/);
    }
  });

  test('no line has a description, an ufrag in a field of its own, or a value in its text', () => {
    const lines = Object.values(emissions).map((emission) => lineOf(noticeOf(emission)));
    expect(JSON.stringify(lines)).not.toMatch(/a=ice|v=0|d1ge57/);
    const texts = lines.map((line) => line?.msg).filter((msg) => msg !== undefined);
    expect(texts.join('\n')).not.toMatch(/192\.0|call-7|missed_pings/);
  });

  test.each([
    ['state', 'webrtc_lifecycle', 'info', { state: 'degraded', prev_state: 'connected', reason: 'trouble or restart' }],
    ['candidate', 'webrtc_ice', 'debug', { candidate_type: 'host' }],
    ['decision', 'webrtc_ice_restart', 'info', { event: 'wait', reason: 'backoff', attempt: 1, delay_ms: 5000 }],
    ['recovered', 'webrtc_ice_restart', 'info', { attempt: 1, trigger: 'missed_pings', duration_ms: 900 }],
    ['keepalive', 'webrtc_keepalive', 'debug', { idle_ms: 500 }],
    ['quality', 'webrtc_activity', 'warn', { score: 0.4, rtt_ms: 900 }],
    ['breaker', 'webrtc_ice_restart', 'warn', { event: 'open' }],
    ['failure', 'webrtc_ice', 'warn', { err: { code: 'transport_init', message: 'no sockets' } }],
    ['closed', 'webrtc_lifecycle', 'info', { reason: 'requested' }],
  ] as const)('%s goes to %s at %s', (type, target, level, fields) => {
    const line = lineOf(noticeOf(emissions[type]));
    expect(line).toMatchObject({ target, level, fields });
  });

  test('a crash is for the operator to see', () => {
    expect(lineOf(noticeOf({ type: 'closed', reason: 'crashed' }))?.level).toBe('error');
  });
});

describe('texts of the guide', () => {
  test('an answer timeout', () => {
    expect(lineOf(noticeOf(emissions.attemptEnded))).toMatchObject({
      target: 'webrtc_ice_restart',
      level: 'warn',
      msg: 'ICE restart answer timeout - no response from remote peer after 15s',
    });
  });

  test.each([
    [9000, '9s'],
    [1500, '1500ms'],
  ])('an answer timeout of a tube with %d ms', (durationMs, text) => {
    const msg = `ICE restart answer timeout - no response from remote peer after ${text}`;
    expect(lineOf(noticeOf({ ...emissions.attemptEnded, durationMs }))).toMatchObject({ msg });
  });

  test('a call during a restart', () => {
    expect(lineOf(noticeOf(emissions.refused))).toMatchObject({ target: 'webrtc_ice_restart', msg: inProgress });
  });

  test('a second trigger during a restart, as the restart machine reports it', () => {
    const { channels, ...numbers } = configSchema.parse({});
    const settings = { ...numbers, channels, trickleIce: true };
    const decisions = decisionsOf({
      settings,
      breaker: { kind: 'closed', failures: 0 },
      evidence: evidenceOf(),
      seed: 1,
    });
    const skipped = decisions.filter(({ action }) => action === 'skip');
    const lines = skipped.map((decision) => lineOf(noticeOf({ type: 'decision', decision })));
    expect(lines).toEqual([expect.objectContaining({ target: 'webrtc_ice_restart', level: 'info', msg: inProgress })]);
  });

  test('a trigger that is skipped is said in the words of its code', () => {
    const { decision } = emissions.decision;
    const skipped = { ...decision, action: 'skip', code: 'restart_peer_away', why: 'told to people' } as const;
    expect(lineOf(noticeOf({ type: 'decision', decision: skipped }))).toMatchObject({
      level: 'info',
      msg: 'ICE restart waits: the signalling socket of the peer is down.',
      fields: { event: 'skip', code: 'restart_peer_away', reason: 'told to people' },
    });
  });

  test('an attempt that a newer network overtook is not called a duplicate', () => {
    const line = lineOf(noticeOf({ ...emissions.attemptEnded, failure: { code: 'restart_in_progress', detail: '' } }));
    expect(line).toMatchObject({ level: 'info', msg: 'ICE restart attempt called off' });
  });
});

/** What the restart machine decides about a trigger, and another one while the attempt runs. */
function decisionsOf(input: RestartInput): RestartDecision[] {
  const decisions: RestartDecision[] = [];
  const tube = setup({
    types: { events: {} as RestartEvent | { type: 'restart.decided'; decision: RestartDecision } },
    actors: { restart: restartMachine },
  }).createMachine({
    invoke: { id: 'restart', src: 'restart', input },
    on: {
      'restart.trigger': { actions: sendTo('restart', ({ event }) => event) },
      'restart.decided': { actions: ({ event }) => void decisions.push(event.decision) },
    },
  });
  const actor = createActor(tube).start();
  const evidence = evidenceOf();
  const trigger = { type: 'restart.trigger', fresh: false, requestId: null, evidence, atMs: 0 } as const;
  actor.send({ ...trigger, trigger: 'manual' });
  actor.send({ ...trigger, trigger: 'missed_pings' });
  actor.stop();
  return decisions;
}

function capture() {
  const written: { target: LogTarget; level: string; fields: object; msg: string }[] = [];
  const logOf = (target: LogTarget): Log => {
    const at = (level: string) => (fields: object, msg: string) => void written.push({ target, level, fields, msg });
    return { trace: at('trace'), debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  };
  return { log: createTubeLog(logOf), written };
}

describe('createTubeLog', () => {
  test('writes one line for a call whose restart is skipped, and one for a refusal without a decision', () => {
    const { log, written } = capture();
    const { decision } = emissions.decision;
    const skipped = { ...decision, action: 'skip', code: 'restart_in_progress' } as const;
    log(noticeOf({ type: 'decision', decision: skipped }));
    log(noticeOf(emissions.refused));
    expect(written).toEqual([
      expect.objectContaining({ msg: inProgress, fields: expect.objectContaining({ attempt: 1 }) }),
    ]);
    log(noticeOf(emissions.refused));
    expect(written).toHaveLength(2);
  });

  test('adds who is spoken of, and the generation of the emission where it names one', () => {
    const { log, written } = capture();
    log(noticeOf(emissions.cutOver, { generation: 3 }));
    log(noticeOf(emissions.closed, { generation: 3 }));
    log(noticeOf(emissions.record));
    const common = { tube_id: identity.tubeId, conversation_id: 'call-7' };
    expect(written).toEqual([
      expect.objectContaining({ level: 'info', fields: { ...common, generation: 2, from: 1 } }),
      expect.objectContaining({ msg: 'tube closed', fields: { ...common, generation: 3, reason: 'requested' } }),
    ]);
  });
});

describe('a change of the network of this host', () => {
  const change = { type: 'interface_change', cause: 'addresses', detail: 'new: veth0 192.0.2.9' };
  const none = { unknown: 0, same: 0, moved: 0, none: 0 };

  test('that concerns no tube says once, for all of them, what was decided and why', () => {
    const { target, level, fields } = hostChangeLine(change, { ...none, same: 2000 });
    expect([target, level]).toEqual(['webrtc_ice_restart', 'info']);
    expect(fields).toMatchObject({
      verdict: 'leave_alone',
      reason: 'the way to the peer is as it was',
      tubes: { same: 2000 },
    });
  });

  test('that concerns some says no verdict: each of them has its own', () => {
    const { level, fields } = hostChangeLine(change, { ...none, same: 3, moved: 1 });
    expect(level).toBe('info');
    expect(fields).not.toHaveProperty('verdict');
  });

  test('of a host without tubes is for those who look', () => {
    expect(hostChangeLine(change, none).level).toBe('debug');
  });
});
