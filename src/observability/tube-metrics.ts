/**
 * Turns what tubes say into counts and durations. Remembers of each live tube the few facts that a single emission does not carry (when
 * the trouble began, whether it ever connected) until its `closed`. Changes nothing.
 */
import type { TubeEmission } from '../../machines/events.js';
import type { CloseReason, FailureCode } from '../../machines/failure.js';
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

interface TubeFacts {
  role: 'offerer' | 'answerer';
  /** The outcome of its first connection is counted. */
  connectionCounted: boolean;
  connected: boolean;
  degradedSinceMs: number | null;
  /** The attempt that runs. */
  attempt: { readonly trigger: RestartTrigger; readonly startedAtMs: number } | null;
  /** The candidate pair that carries its data, as it is counted. */
  pair: { readonly generation: number; readonly labels: LabelsOf<'selectedPairs'> } | null;
}

type Emission<T extends TubeEmission['type']> = Extract<TubeEmission, { type: T }>;

/** Somebody wanted the tube closed: neither a failed connection nor a lost one. */
const wanted: readonly CloseReason[] = ['requested', 'peer_closed', 'shutdown', 'replaced'];
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
  readonly #tubes = new Map<string, TubeFacts>();

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  observe(notice: TubeNotice): void {
    const { emission } = notice;
    if (emission.type === 'state') this.#state(notice, emission);
    const facts = this.#tubes.get(notice.identity.tubeId);
    if (facts === undefined) return;
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
        this.#meter.record('outageDuration', { outcome: 'recovered' }, emission.outageMs / 1000);
        facts.degradedSinceMs = null;
        break;
      case 'ping':
        this.#meter.count('keepalives', { outcome: emission.outcome });
        if (emission.rttMs !== null) this.#meter.record('keepaliveRtt', {}, emission.rttMs / 1000);
        break;
      case 'selectedPair':
        this.#pair(facts, emission);
        break;
      case 'generationClosed':
        if (emission.generation === facts.pair?.generation) this.#unpair(facts);
        break;
      case 'quality':
        this.#meter.record('qualityScore', {}, emission.score);
        break;
      case 'closed':
        this.#closed(facts, notice, emission.reason);
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
    if (state === 'degraded' || state === 'failed') facts.degradedSinceMs ??= atMs;
    if (state === 'connected') {
      facts.degradedSinceMs = null;
      facts.connected = true;
      this.#connection(facts, notice, 'success');
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
      degradedSinceMs: null,
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
    const outcome = failure !== null && abandoned.includes(failure.code) ? 'abandoned' : ended.outcome;
    const tookMs = facts.attempt === null ? durationMs : atMs - facts.attempt.startedAtMs;
    facts.attempt = null;
    this.#meter.count('recoveryAttempts', { trigger, outcome });
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
    const asked = wanted.includes(reason);
    this.#meter.count('tubesClosed', { reason });
    this.#meter.record('tubeLifetime', { reason }, (atMs - identity.createdAtMs) / 1000);
    this.#connection(facts, notice, asked ? 'cancelled' : 'failure');
    if (!facts.connected || facts.degradedSinceMs === null) return;
    this.#meter.record('outageDuration', { outcome: asked ? 'closed' : 'lost' }, (atMs - facts.degradedSinceMs) / 1000);
  }
}
