/** Random walks through the tube chart: whatever comes, in whatever order, some things always hold. Every walk is told by its seed. */
import { describe, expect, test } from '@jest/globals';
import { tubeStates } from '../../machines/events.js';
import { toRecord } from '../../machines/tube.context.js';
import { drawRandom } from '../../machines/policies/random.js';
import type { PeerKind } from '../../machines/ports/transport.port.js';
import type { TubeSettings } from '../../machines/settings.js';
import { TubeMetrics } from '../../src/observability/tube-metrics.js';
import type { IncidentFacts } from '../../src/operator/incident.types.js';
import { IncidentBook } from '../../src/registry/incident-book.js';
import { noticesOf } from '../support/story.js';
import { controlChannel, dataChannel, identity, transitionsOf, TubeHarness } from '../support/tube-harness.js';
import { networkChangeTypes, restartTriggers } from '../../machines/policies/recovery.js';

const sample = {
  bytesSent: 1,
  bytesReceived: 1,
  bufferedBytes: 0,
  pingsSent: 20,
  pongsReceived: 12,
  rttMs: 20,
  selectedPair: null,
  probes: null,
};
const walks = 60;
const steps = 150;

class Walk {
  readonly tube: TubeHarness;
  readonly trace: string[] = [];
  #random: number;

  constructor(seed: number) {
    this.#random = seed;
    const settings: Partial<TubeSettings> = {
      trickleIce: this.below(3) > 0,
      turnCredentialTtlMs: this.pick([0, 40_000, 3_600_000]),
      sessionTimeoutMs: this.pick([90_000, 3_600_000, 3_600_000, 3_600_000, 3_600_000]),
      sessionWarningMs: 60_000,
      missedPingsToDegrade: this.pick([2, 2, 3]),
      maxRestartAttempts: this.pick([2, 10]),
      breakerFailureThreshold: this.pick([1, 5]),
      breakerAction: this.pick(['hold', 'hold', 'close']),
      answerTimeoutAction: this.pick(['retry', 'retry', 'close']),
    };
    if (this.below(12) === 0) {
      const { context } = TubeHarness.connected(this.peer(), { settings });
      if (this.below(2) === 0) {
        this.tube = TubeHarness.afterProcess(toRecord(context), { held: this.below(2) === 0 });
        return;
      }
      this.tube = new TubeHarness({ resume: toRecord(context) });
      this.tube.begin();
      return;
    }
    this.tube = this.below(2) > 0 ? TubeHarness.connected(this.peer(), { settings }) : new TubeHarness({ settings });
    if (this.tube.state === 'initializing') this.tube.begin(this.below(2) === 0);
  }

  below(limit: number): number {
    const draw = drawRandom(this.#random);
    this.#random = draw.state;
    return Math.floor(draw.value * limit);
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  peer(): PeerKind {
    return this.pick(['plain', 'overlap'] as const);
  }

  /** A generation that is, was, or never will be. */
  generation(): number {
    const { active, newest } = { active: this.tube.context.active, newest: this.tube.newest };
    return this.pick([newest, newest, newest, active ?? newest, newest - 1, 1, 0, newest + 1, 99]);
  }

  step(): void {
    const { tube } = this;
    const failure = { code: this.pick(['input_sdp', 'transport_init'] as const), detail: '' };
    const actions: Record<string, () => unknown> = {
      wait: () => tube.advance(this.pick([1, 250, 1_000, 3_000, 4_000, 5_000, 15_000, 20_000])),
      'wait long': () => tube.advance(this.pick([30_000, 60_000, 120_000, 300_000])),
      silence: () => (tube.ponging = false),
      sound: () => (tube.ponging = true),
      doubt: () => {
        tube.ponging = false;
        for (let ms = 0; ms < 10_000 && tube.path === 'connected'; ms += 500) tube.advance(500);
      },
      'doubt and network': () => {
        tube.ponging = false;
        for (let ms = 0; ms < 10_000 && tube.path === 'connected'; ms += 500) tube.advance(500);
        tube.networkChanged('ip_change', 'host', this.pick(['same', 'moved', 'none'] as const));
      },
      described: () => tube.described(this.generation(), this.pick(['offer', 'answer'] as const)),
      answer: () => tube.answer(this.peer()),
      complete: () => tube.complete(this.peer()),
      'failed handshake': () => {
        tube.described();
        tube.answer(this.peer());
        tube.down(tube.newest);
      },
      applied: () => tube.applied(this.peer(), this.generation(), this.below(2) === 0),
      up: () => tube.up(this.generation()),
      down: () => tube.down(this.generation()),
      closed: () => tube.report(this.generation(), { type: 'transport.closed' }),
      failed: () => tube.report(this.generation(), { type: 'transport.failed', failure }),
      refused: () => tube.report(this.generation(), { type: 'transport.refused', requestId: 'x', failure }),
      ice: () => tube.report(this.generation(), { type: 'transport.iceConnected' }),
      state: () => tube.report(this.generation(), { type: 'transport.stateChanged', state: 'disconnected' }),
      local: () => tube.report(this.generation(), { type: 'transport.candidate', candidate: '', mid: '0' }),
      opened: () =>
        tube.report(this.generation(), {
          type: 'transport.channelOpened',
          channel: this.pick([controlChannel, dataChannel]),
        }),
      gone: () => tube.report(this.generation(), { type: 'transport.channelClosed', label: 'data', id: 2, reason: '' }),
      pong: () => tube.report(this.generation(), { type: 'transport.pong', seq: null, rttMs: null }),
      heard: () => tube.heard(this.below(2) === 0, this.generation()),
      offer: () => tube.describe('offer', this.pick([null, this.generation()])),
      'late answer': () => tube.describe('answer', this.pick([null, this.generation()])),
      candidate: () => tube.candidate(this.pick([null, this.generation()])),
      restart: () => tube.restart(this.pick(restartTriggers), this.below(4) === 0),
      advised: () =>
        tube.send({ type: 'health.restartAdvised', trigger: this.pick(['poor_quality', 'unhealthy'] as const) }),
      'in vain': () => tube.send({ type: 'health.poorRestarts', count: 2 }),
      online: () => tube.signalling(true),
      offline: () => tube.signalling(false),
      activity: () => tube.send({ type: 'tube.activity', atMs: tube.clock.nowMs }),
      sent: () => tube.send({ type: 'tube.dataSent', atMs: tube.clock.nowMs }),
      operation: () => tube.send({ type: 'tube.operationFailed', atMs: tube.clock.nowMs }),
      'relayed for a while': () => {
        tube.pair(tube.context.active ?? 0, 'relay');
        tube.advance(20_000);
      },
      replaced: () => tube.send({ type: 'tube.peerReplaced', atMs: tube.clock.nowMs }),
      accepted: () => tube.report(this.generation(), { type: 'transport.candidateAccepted', requestId: 'x' }),
      verdict: () => {
        const finding = { verdict: 'warning', score: 0.8, lossRatio: 0.04, rttMs: 20 } as const;
        tube.send({ type: 'health.polled', ...finding });
        tube.send({ type: 'health.verdict', ...finding });
      },
      sampled: () => tube.report(this.generation(), { type: 'transport.sampled', sample }),
      'silence without end': () => {
        tube.ponging = false;
        tube.advance(20_000);
      },
      network: () =>
        tube.networkChanged(
          this.pick(networkChangeTypes),
          this.pick(['host', 'host', 'peer', 'controller'] as const),
          this.pick([null, 'unknown', 'same', 'moved', 'none'] as const),
        ),
      node: () => {
        // The storm governor holds because tubes are suspect, never with a share of 0 (test/registry/storm-governor.test.ts).
        const held = this.below(2) === 0;
        const suspectShare = this.pick([0, 0.5]);
        tube.node({ held, suspectShare: held ? 0.5 : suspectShare });
      },
      route: () => tube.node({ route: this.pick(['unknown', 'same', 'moved', 'none'] as const) }),
      pair: () => tube.pair(this.generation(), this.pick(['host', 'relay'])),
      'slow close': () => (tube.closing = !tube.closing),
    };
    const name = this.pick(Object.keys(actions));
    this.trace.push(name);
    actions[name]!();
  }

  /** What always holds. Returns what does not. */
  broken(): string[] {
    const { tube } = this;
    const { active, pending, incident, live } = tube.context;
    const broken: string[] = [];
    const holds = (name: string, fact: boolean): void => {
      if (!fact) broken.push(`${name} (${tube.path} after ${this.trace.join(', ')})`);
    };
    holds('no error', !tube.ended.includes('xstate.error.actor'));
    holds('a known state', (tubeStates as readonly string[]).includes(tube.state));
    holds('the last state was told', tube.states.at(-1) === tube.state);
    for (const path of notJson(tube.context, 'context')) holds(`JSON: ${path}`, false);
    if (tube.state === 'closed') return broken;
    const wasActive = new Set(tube.of('cutOver').map(({ generation }) => generation));
    const rising = [...tube.transports].filter(
      ([generation, { input, stopped, commands }]) =>
        !stopped &&
        input.mode.kind !== 'adopt' &&
        !wasActive.has(generation) &&
        !commands.some(({ type }) => type === 'transport.close'),
    );
    holds('at most one pending generation', rising.length <= 1);
    holds(
      'which is the pending one',
      rising.every(([generation]) => generation === pending?.generation),
    );
    holds('the active generation lives', active === null || live.includes(active));
    const children = tube.children;
    const watched = children.includes('keepalive') && children.includes('health');
    holds('a path is watched while there is one', watched === (active !== null));
    const restart = tube.restartChild;
    const resting = restart?.value === 'resting';
    holds('an incident has its restart child', (incident !== null) === (restart?.status === 'active'));
    if (tube.state === 'connected') {
      holds('connected has a path', active !== null && pending === null);
      holds('connected restarts nothing', restart === undefined || resting);
      holds('connected knows of no outage', incident === null || incident.outageSinceMs === null);
    }
    if (tube.path.startsWith('degraded.restarting')) holds('somebody restarts', restart !== undefined && !resting);
    if (tube.path.startsWith('degraded.restarting.'))
      holds('pathless means no path', tube.path.endsWith('pathless') === (active === null));
    if (tube.state === 'degraded') holds('degraded is an incident', incident !== null);
    if (tube.state === 'failed') holds('failed does nothing', active === null && pending === null && incident === null);
    return broken;
  }
}

/** Where a value is not JSON: undefined, a function, a class, NaN. */
function notJson(value: unknown, path: string): string[] {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return [];
  const kind: unknown = Object.getPrototypeOf(value);
  const plain = kind === Object.prototype || kind === Array.prototype;
  if (!plain) return [path];
  return Object.entries(value as object).flatMap(([key, inner]) => notJson(inner, `${path}.${key}`));
}

describe('a walk of random events', () => {
  test.each(Array.from({ length: walks }, (_, seed) => seed))('number %i never throws and stays sane', (seed) => {
    const walk = new Walk(seed);
    for (let n = 0; n < steps && walk.tube.state !== 'closed'; n += 1) {
      walk.step();
      expect(walk.broken()).toEqual([]);
    }
    if (walk.tube.state !== 'closed') walk.tube.close();
    expect(walk.tube.state).toBe('closed');
    expect(walk.tube.ended).toEqual(['xstate.done.actor']);
    expect(walk.tube.children).toEqual([]);
    expect(walk.tube.clock.pending).toBe(0);
  });

  test('visits every state', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 4 * walks; seed += 1) {
      const walk = new Walk(seed);
      for (let n = 0; n < steps && walk.tube.state !== 'closed'; n += 1) {
        walk.step();
        seen.add(walk.tube.path);
      }
    }
    expect([...seen].sort()).toEqual([
      'closed',
      'connected',
      'connecting',
      'degraded.doubted',
      'degraded.restarting.doubtful',
      'degraded.restarting.overlapping',
      'degraded.restarting.pathless',
      'failed',
      'initializing',
    ]);
  });
});

describe('the walks together', () => {
  test('leave no transition of the chart untaken', () => {
    const taken = new Set<string>();
    for (let seed = 0; seed < 1_500; seed += 1) {
      const walk = new Walk(seed + 5_000);
      for (let n = 0; n < steps && walk.tube.state !== 'closed'; n += 1) walk.step();
      if (walk.tube.state !== 'closed') walk.tube.close();
      for (const name of walk.tube.taken) taken.add(name);
    }
    const untaken = [...new Set(transitionsOf())].filter((name) => !taken.has(name));
    expect(untaken).toEqual([]);
  });
});

/** What the metrics make of all that a tube said. */
function recoveryAttempts({ emissions, startMs }: TubeHarness): number {
  let attempts = 0;
  const metrics = new TubeMetrics({
    count: (family) => {
      if (family === 'recoveryAttempts') attempts += 1;
    },
    adjust: () => undefined,
    record: () => undefined,
  });
  for (const { sinceStartMs, ...emission } of emissions)
    metrics.observe({ identity, generation: 1, atMs: startMs + sinceStartMs, previousState: 'connected', emission });
  return attempts;
}

describe('every attempt that is started ends', () => {
  test.each(Array.from({ length: walks }, (_, seed) => seed + 2_000))('in walk %i', (seed) => {
    const walk = new Walk(seed);
    const open = (): number => walk.tube.of('attemptStarted').length - walk.tube.of('attemptEnded').length;
    for (let n = 0; n < steps && walk.tube.state !== 'closed'; n += 1) {
      expect({ trace: walk.trace, open: open() }).toMatchObject({ open: walk.tube.context.pending?.attempt ? 1 : 0 });
      walk.step();
    }
    if (walk.tube.state !== 'closed') walk.tube.close();
    expect(recoveryAttempts(walk.tube)).toBe(walk.tube.of('attemptStarted').length);
  });
});

describe('left alone from any state', () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'walk %i ends: nothing is degraded or on its way for ever',
    (seed) => {
      const walk = new Walk(seed + 1_000);
      for (let n = 0; n < 40 && walk.tube.state !== 'closed'; n += 1) walk.step();
      if (walk.tube.state === 'closed') return;
      walk.tube.ponging = false;
      walk.tube.advance(3_600_000 + 600_000 + 120_000);
      expect(walk.tube.state).toBe('closed');
      expect(walk.tube.clock.pending).toBe(0);
    },
  );
});

/** What each state of the restart child means to an operator. */
const nextOf: Readonly<Record<string, readonly string[]>> = {
  backoff: ['attempt'],
  breakerOpen: ['attempt'],
  waitingForPeer: ['wait_for_peer'],
  waitingForNetwork: ['wait_for_network', 'wait_for_storm', 'wait_for_controller'],
};

/** What operators are told of a walk, step by step; returns what is not so. */
class Reader {
  readonly book: IncidentBook;
  readonly incidents: IncidentFacts[] = [];
  readonly #tube: TubeHarness;
  #read = 0;

  constructor(tube: TubeHarness) {
    this.#tube = tube;
    this.book = new IncidentBook({ now: () => tube.clock.nowMs, maxClosed: 1, followedWithinMs: 120_000 });
    this.book.onIncident((_, incident) => this.incidents.push(incident));
  }

  read(): unknown[] {
    const notices = noticesOf(this.#tube);
    for (const notice of notices.slice(this.#read)) this.book.observe(notice);
    this.#read = notices.length;
    return this.#tube.state === 'closed' ? [] : this.#wrong();
  }

  #wrong(): unknown[] {
    const { state, restartChild, clock, context } = this.#tube;
    const row = this.book.row(identity.tubeId);
    if (row === null) return ['no row'];
    const wrong: unknown[] = [];
    const value = restartChild?.status === 'active' && state === 'degraded' ? restartChild.value : null;
    const holds = (name: string, fact: boolean): void => {
      if (!fact) wrong.push([name, this.#tube.path, value, context.pending, row]);
    };
    const what = row.next?.what ?? null;
    holds('state', row.state === state);
    holds('trouble is an incident', (row.incident !== null) === (state === 'degraded'));
    holds('a tube that is well has no plans', what === null || state !== 'connected');
    holds('first connection', (what === 'connect_timeout') === (state === 'connecting'));
    holds('given up', (what === 'close') === (state === 'failed'));
    const expected = nextOf[String(value)];
    if (expected !== undefined) holds('what is waited for', expected.includes(String(what)));
    const isAsked = value !== null && JSON.stringify(value) === '{"attempting":"awaitingAnswer"}';
    holds('an offer waits', !isAsked || what === 'answer_timeout');
    const dueMs = row.next?.at_ms ?? Infinity;
    holds('what comes is to come', dueMs >= clock.nowMs || value === 'settling');
    return wrong;
  }
}

describe('what operators are told', () => {
  test.each(Array.from({ length: walks }, (_, seed) => seed + 3_000))('of walk %i is so', (seed) => {
    const walk = new Walk(seed);
    const reader = new Reader(walk.tube);
    for (let n = 0; n < steps && walk.tube.state !== 'closed'; n += 1) {
      walk.step();
      expect({ wrong: reader.read(), trace: walk.trace.slice(-3) }).toMatchObject({ wrong: [] });
    }
    if (walk.tube.state !== 'closed') walk.tube.close();
    reader.read();
    expect(reader.incidents.map(({ number }) => number)).toEqual(reader.incidents.map((_, index) => index + 1));
    for (const { started_at_ms, ended_at_ms, outage_ms, phases, outcome } of reader.incidents) {
      expect(outcome).not.toBe('open');
      expect(ended_at_ms).toBeGreaterThanOrEqual(started_at_ms);
      expect(outage_ms).toBeGreaterThanOrEqual(0);
      const lengths = Object.values(phases);
      expect(lengths.every((ms) => ms >= 0)).toBe(true);
      const sum = lengths.reduce((total, ms) => total + ms, 0);
      expect(sum).toBeLessThanOrEqual((ended_at_ms ?? 0) - started_at_ms);
      // A walk brings generations up that nobody answered.
      if (outcome === 'recovered' && phases.signal !== undefined) expect(sum).toBe((ended_at_ms ?? 0) - started_at_ms);
    }
    expect(reader.book.size).toMatchObject({ tubes: 0 });
  });
});
