/**
 * The life of a tube that does not exist, told to a story as the registry tells a real one, in the order of the charts: so its row is one that the service
 * can send. For fake-rows.ts.
 */
import type { RestartDecision, TubeEmission, TubeIdentity, TubeState } from '../../machines/events.js';
import type { RestartTrigger } from '../../machines/policies/recovery.js';
import type { CandidateEnd } from '../../machines/ports/transport.port.js';
import { TubeStory } from '../../src/registry/tube-story.js';
import { evidenceOf } from './evidence.js';
import { defaultSettings } from './settings.js';

const peer = {
  peerKind: 'overlap',
  dtlsRole: 'active',
  channels: [],
  peerSession: null,
  signalling: 'direct',
} as const;
const sdp = 'v=0';

export class FakeLife {
  readonly story: TubeStory;
  atMs: number;
  #state: TubeState = 'initializing';
  #generation = 1;
  #active: number | null = null;
  #attempt = 0;

  constructor(readonly identity: TubeIdentity) {
    this.atMs = identity.createdAtMs;
    const carried = { bytesIn: 0, bytesOut: 0 };
    this.story = new TubeStory(identity, this.atMs, { followedWithinMs: 120_000, carried: () => carried });
    this.turn('initializing', 'created');
    this.#record();
  }

  say(emission: TubeEmission): this {
    const { identity, atMs } = this;
    this.story.hear({ identity, generation: this.#generation, atMs, previousState: this.#state, emission });
    if (emission.type === 'state') this.#state = emission.state;
    return this;
  }

  after(ms: number): this {
    this.atMs += ms;
    return this;
  }

  turn(state: TubeState, reason: string): this {
    return this.say({ type: 'state', state, reason });
  }

  described(): this {
    const purpose = this.#attempt === 0 ? 'initial' : 'restart';
    const generation = this.#generation;
    this.say({ type: 'description', generation, description: { type: 'offer', sdp }, purpose, requestId: null });
    return purpose === 'initial' ? this.turn('connecting', 'described') : this;
  }

  answered(): this {
    return this.say({ type: 'accepted', what: 'answer', requestId: 'r', generation: this.#generation });
  }

  /** The newest generation carries data. */
  cutOver(): this {
    const from = this.#active;
    this.#active = this.#generation;
    this.say({ type: 'cutOver', generation: this.#generation, from });
    if (this.#attempt > 0) this.#attemptEnded('success');
    this.#record();
    return this;
  }

  /** What is measured of a path that is up. `words`: of both ends, as in a row. */
  measured(words: string, rttMs: number): this {
    const [types = '', protocol = ''] = words.split(' ');
    const [local, remote] = types.split('/').map((type): CandidateEnd => ({ type, protocol, address: '::1', port: 9 }));
    if (local !== undefined && remote !== undefined)
      this.say({ type: 'selectedPair', generation: this.#generation, pair: { local, remote } });
    return this.say({ type: 'ping', outcome: 'pong', rttMs });
  }

  /** A health poll. */
  polled(score: number, lossRatio: number): this {
    return this.say({ type: 'polled', verdict: score < 0.7 ? 'poor' : 'good', score, lossRatio, rttMs: null });
  }

  /** Trouble begins. */
  doubted(trigger: RestartTrigger): this {
    this.#attempt = 0;
    for (let missed = 0; trigger === 'missed_pings' && missed < 2; missed += 1)
      this.after(1000).say({ type: 'ping', outcome: 'missed', rttMs: null });
    return this.turn('degraded', trigger);
  }

  decided(trigger: RestartTrigger, ruling: Partial<RestartDecision>): this {
    const evidence = ruling.evidence ?? evidenceOf({ trigger, path: 'doubted', signalling: 'online', route: 'same' });
    const attempt = this.#attempt + 1;
    const made = {
      action: 'do',
      verdict: 'restart_now',
      code: null,
      why: 'told',
      trigger,
      attempt,
      delayMs: 0,
    } as const;
    return this.say({ type: 'decision', decision: { ...made, evidence, ...ruling } });
  }

  /** An attempt begins. */
  attempted(trigger: RestartTrigger): this {
    this.decided(trigger, {});
    this.#attempt += 1;
    this.#generation += 1;
    this.#record();
    return this.say({ type: 'attemptStarted', generation: this.#generation, attempt: this.#attempt, trigger });
  }

  /** Nobody answered the offer. */
  unanswered(): this {
    return this.after(defaultSettings.answerTimeoutMs).#attemptEnded('failure');
  }

  pathLost(): this {
    const generation = this.#active;
    this.#active = null;
    this.#record();
    return generation === null ? this : this.say({ type: 'generationClosed', generation });
  }

  recovered(trigger: RestartTrigger): this {
    const before = this.#active;
    this.attempted(trigger).after(40).described().after(60).answered().after(90).cutOver();
    this.say({ type: 'recovered', attempts: this.#attempt, trigger, outageMs: before === null ? 2590 : 0 });
    this.turn('connected', 'a path works');
    return before === null ? this : this.after(3000).say({ type: 'generationClosed', generation: before });
  }

  /** As the chart: first the state, then what goes with it. */
  failed(reason: 'restart_exhausted' | 'connect_timeout'): this {
    return this.turn('failed', reason).pathLost();
  }

  #attemptEnded(outcome: 'success' | 'failure'): this {
    const failure = outcome === 'success' ? null : ({ code: 'transport_answer_timeout', detail: '' } as const);
    const ended = { generation: this.#generation, trigger: 'missed_pings', durationMs: 190 } as const;
    return this.say({ type: 'attemptEnded', ...ended, outcome, failure });
  }

  #record(): void {
    const { identity } = this;
    const generations = { generation: this.#generation, activeGeneration: this.#active };
    this.say({ type: 'record', record: { ...identity, ...peer, settings: defaultSettings, ...generations } });
  }
}
