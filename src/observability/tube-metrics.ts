/**
 * Turns what tubes say into counts and durations. Remembers of each live tube the few facts that a single emission does not carry (when
 * the trouble began, whether it ever connected) until its `closed`. Changes nothing.
 */
import type { TubeEmission } from '../../machines/events.js';
import { isWantedEnd, type CloseReason, type FailureCode } from '../../machines/failure.js';
import type { TubeNotice } from '../registry/notice.js';
import {
  candidateProtocols,
  candidateTypes,
  type ConnectionOutcome,
  type CounterKey,
  type GaugeKey,
  type HistogramKey,
  type LabelsOf,
} from './catalogue.js';
import type { RestartTrigger } from '../../machines/policies/recovery.js';

export interface Meter {
  count<K extends CounterKey>(family: K, labels: LabelsOf<K>, amount?: number): void;
  adjust<K extends GaugeKey>(family: K, labels: LabelsOf<K>, by: 1 | -1): void;
  record<K extends HistogramKey>(family: K, labels: LabelsOf<K>, value: number): void;
}

/** How long a tube is really silent (src/transport/flow-meter.ts). */
export interface Flow {
  readonly frames: number;
  watch(): void;
  end(untilNow: boolean): number;
}

/** From the first sign until data flows again. */
interface Trouble {
  readonly flow: Flow | null;
  readonly sinceMs: number;
  /** Time without a path, as the chart knows it. */
  knownMs: number;
  /** The chart says that it is over, and so many frames had come then: with one more it is. */
  overAtFrames: number | null;
}

interface TubeFacts {
  role: 'offerer' | 'answerer';
  /** The outcome of its first connection is counted. */
  connectionCounted: boolean;
  connected: boolean;
  trouble: Trouble | null;
  breaker: 'open' | 'half_open' | null;
  /** The attempt that runs. */
  attempt: { readonly trigger: RestartTrigger; readonly startedAtMs: number } | null;
  /** The candidate pair that carries its data, as it is counted. */
  pair: { readonly generation: number; readonly labels: LabelsOf<'selectedPairs'> } | null;
}

type Emission<T extends TubeEmission['type']> = Extract<TubeEmission, { type: T }>;

/** Ends of an attempt that the machine does not count as failures. */
const abandoned: readonly FailureCode[] = ['restart_in_progress', 'restart_peer_away'];

/** Null for a pair of no known kind. */
function pairLabels({ pair: { local, remote } }: Emission<'selectedPair'>): LabelsOf<'selectedPairs'> | null {
  const typeOf = (end: typeof local) => candidateTypes.find((type) => type === end.type);
  const [localType, remoteType] = [typeOf(local), typeOf(remote)];
  // The library tells `tcpactive`, `tcppassive` and more.
  const protocol = candidateProtocols.find((name) => local.protocol.startsWith(name));
  if (localType === undefined || remoteType === undefined || protocol === undefined) return null;
  return { local: localType, remote: remoteType, protocol };
}

export class TubeMetrics {
  readonly #meter: Meter;
  readonly #flowOf: (tubeId: string) => Flow | null;
  readonly #tubes = new Map<string, TubeFacts>();

  /** @param flowOf null where nothing is known of the silences of a tube */
  constructor(meter: Meter, flowOf: (tubeId: string) => Flow | null = () => null) {
    this.#meter = meter;
    this.#flowOf = flowOf;
  }

  observe(notice: TubeNotice): void {
    const { emission } = notice;
    if (emission.type === 'state') this.#state(notice, emission);
    const facts = this.#tubes.get(notice.identity.tubeId);
    if (facts === undefined) return;
    this.#settle(facts);
    switch (emission.type) {
      case 'description':
        if (emission.purpose === 'initial') facts.role = emission.description.type === 'offer' ? 'offerer' : 'answerer';
        break;
      case 'attemptStarted':
        // The actor that made the attempt before has crashed.
        this.#attemptCut(facts, notice.atMs);
        facts.attempt = { trigger: emission.trigger, startedAtMs: notice.atMs };
        break;
      case 'attemptEnded':
        this.#attemptEnded(facts, notice.atMs, emission);
        break;
      case 'recovered':
        this.#troubleOver(facts, emission.outageMs);
        break;
      case 'breaker':
        this.#breaker(facts, emission.breaker.kind);
        break;
      case 'selectedPair':
        this.#pair(facts, emission);
        break;
      case 'generationClosed':
        if (emission.generation === facts.pair?.generation) this.#unpair(facts);
        break;
      case 'closed':
        this.#closed(facts, notice, emission.reason);
        break;
      default:
        this.#tally(emission);
    }
  }

  /** What can be counted without knowing the tube. */
  #tally(emission: TubeEmission): void {
    switch (emission.type) {
      case 'decision':
        this.#meter.count('recoveryDecisions', {
          action: emission.decision.action,
          verdict: emission.decision.verdict ?? 'none',
        });
        break;
      case 'networkChange':
        this.#meter.count('networkChanges', { change: emission.change, source: emission.source });
        break;
      case 'ping':
        this.#meter.count('keepalives', { outcome: emission.outcome });
        if (emission.rttMs !== null) this.#meter.record('keepaliveRtt', {}, emission.rttMs / 1000);
        break;
      case 'polled':
        this.#meter.count('qualityVerdicts', { verdict: emission.verdict });
        this.#meter.record('qualityScore', {}, emission.score);
        if (emission.lossRatio !== null) this.#meter.record('pathLoss', {}, emission.lossRatio);
        break;
      default:
        break;
    }
  }

  /** Tubes that are remembered. */
  get size(): number {
    return this.#tubes.size;
  }

  #state(notice: TubeNotice, { state, reason }: Emission<'state'>): void {
    const { identity, previousState, atMs } = notice;
    if (previousState !== state && previousState !== 'closed') {
      this.#meter.count('tubeTransitions', { from: previousState, to: state });
    }
    const facts = this.#tubes.get(identity.tubeId) ?? (state === 'closed' ? undefined : this.#opened(notice, reason));
    if (facts === undefined) return;
    if (state === 'degraded' || state === 'failed') this.#trouble(facts, identity.tubeId, atMs);
    if (state === 'connected') {
      facts.connected = true;
      this.#connection(facts, notice, 'success');
      // The path was sound after all, and nothing was recovered.
      if (facts.trouble?.overAtFrames === null) this.#troubleOver(facts, 0);
    }
    if (state === 'failed') this.#connection(facts, notice, 'failure');
  }

  #opened({ identity }: TubeNotice, reason: string): TubeFacts {
    const isRestored = reason === 'resumed';
    const facts: TubeFacts = {
      role: 'offerer',
      // A tube that is carried on had its first connection elsewhere.
      connectionCounted: isRestored,
      connected: isRestored,
      trouble: null,
      breaker: null,
      attempt: null,
      pair: null,
    };
    this.#tubes.set(identity.tubeId, facts);
    this.#meter.count('tubesCreated', { origin: isRestored ? 'restored' : 'created' });
    return facts;
  }

  /** The first connection came up or did not; counted once per tube. */
  #connection(facts: TubeFacts, { identity, atMs }: TubeNotice, outcome: ConnectionOutcome): void {
    if (facts.connectionCounted) return;
    facts.connectionCounted = true;
    this.#meter.count('connectionAttempts', { outcome });
    this.#meter.record('connectDuration', { role: facts.role, outcome }, (atMs - identity.createdAtMs) / 1000);
  }

  /** An outage needs a path before it. */
  #trouble(facts: TubeFacts, tubeId: string, atMs: number): void {
    if (!facts.connected) return;
    if (facts.trouble === null) {
      const flow = this.#flowOf(tubeId);
      flow?.watch();
      facts.trouble = { flow, sinceMs: atMs, knownMs: 0, overAtFrames: null };
    }
    facts.trouble.overAtFrames = null;
  }

  /** The chart is content. Whether the application can be shows with the next frame. */
  #troubleOver(facts: TubeFacts, knownMs: number): void {
    const { trouble } = facts;
    if (trouble === null) return;
    trouble.knownMs += knownMs;
    trouble.overAtFrames = trouble.flow?.frames ?? -1;
    this.#settle(facts);
  }

  #settle(facts: TubeFacts): void {
    const { trouble } = facts;
    if (trouble === null || trouble.overAtFrames === null) return;
    if ((trouble.flow?.frames ?? 0) > trouble.overAtFrames) this.#outage(facts, trouble, 'recovered');
  }

  #outage(facts: TubeFacts, { flow, knownMs }: Trouble, outcome: LabelsOf<'outageDuration'>['outcome']): void {
    facts.trouble = null;
    const silentMs = flow?.end(outcome !== 'recovered') ?? 0;
    const lengthMs = silentMs > 0 ? silentMs : knownMs;
    // A restart beside a path that works, or a false suspicion, is an incident and no outage: counted as one that was over at once, it would hide the
    // others. A tube that is lost is an outage however short.
    if (lengthMs > 0 || outcome === 'lost') this.#meter.record('outageDuration', { outcome }, lengthMs / 1000);
  }

  #breaker(facts: TubeFacts, kind: 'closed' | 'open' | 'half_open'): void {
    const next = kind === 'closed' ? null : kind;
    if (facts.breaker === next) return;
    if (facts.breaker !== null) this.#meter.adjust('breakers', { state: facts.breaker }, -1);
    if (next !== null) this.#meter.adjust('breakers', { state: next }, 1);
    facts.breaker = next;
  }

  #pair(facts: TubeFacts, emission: Emission<'selectedPair'>): void {
    this.#unpair(facts);
    const labels = pairLabels(emission);
    if (labels === null) return;
    facts.pair = { generation: emission.generation, labels };
    this.#meter.adjust('selectedPairs', labels, 1);
  }

  #unpair(facts: TubeFacts): void {
    if (facts.pair !== null) this.#meter.adjust('selectedPairs', facts.pair.labels, -1);
    facts.pair = null;
  }

  #attemptEnded(
    facts: TubeFacts,
    atMs: number,
    { trigger, failure, durationMs, ...ended }: Emission<'attemptEnded'>,
  ): void {
    const isAbandoned = failure !== null && abandoned.includes(failure.code);
    const outcome = isAbandoned ? 'abandoned' : ended.outcome;
    const tookMs = facts.attempt === null ? durationMs : atMs - facts.attempt.startedAtMs;
    facts.attempt = null;
    this.#meter.count('recoveryAttempts', { trigger, outcome });
    if (failure !== null && !isAbandoned) this.#meter.count('recoveryFailures', { code: failure.code });
    this.#meter.record('recoveryDuration', { trigger, outcome }, tookMs / 1000);
  }

  /** An attempt that nobody said the end of: its tube was closed, or its actor crashed. */
  #attemptCut(facts: TubeFacts, atMs: number): void {
    if (facts.attempt === null) return;
    const { trigger, startedAtMs } = facts.attempt;
    facts.attempt = null;
    this.#meter.count('recoveryAttempts', { trigger, outcome: 'abandoned' });
    this.#meter.record('recoveryDuration', { trigger, outcome: 'abandoned' }, (atMs - startedAtMs) / 1000);
  }

  #closed(facts: TubeFacts, notice: TubeNotice, reason: CloseReason): void {
    const { identity, atMs } = notice;
    this.#tubes.delete(identity.tubeId);
    this.#attemptCut(facts, atMs);
    this.#unpair(facts);
    this.#breaker(facts, 'closed');
    const asked = isWantedEnd(reason);
    this.#meter.count('tubesClosed', { reason });
    this.#meter.record('tubeLifetime', { reason }, (atMs - identity.createdAtMs) / 1000);
    this.#connection(facts, notice, asked ? 'cancelled' : 'failure');
    const { trouble } = facts;
    if (trouble === null) return;
    if (trouble.overAtFrames !== null) return this.#outage(facts, trouble, 'recovered');
    const lost = { ...trouble, knownMs: atMs - trouble.sinceMs };
    this.#outage(facts, lost, asked ? 'closed' : 'lost');
  }
}
