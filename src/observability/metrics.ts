/**
 * The metrics of one service instance, and the only importer of prom-client. Has a registry of its own. The gateway, the transport host and
 * the registry call its small methods (app.ts connects them); what is counted from live maps is asked of `sources` at each scrape.
 */
import { performance } from 'node:perf_hooks';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { TubeState } from '../../machines/events.js';
import type { FailureCode } from '../../machines/failure.js';
import { phases, type Incident } from '../operator/incident.types.js';
import type { TubeNotice } from '../registry/notice.js';
import {
  catalogue,
  combinations,
  type AnyFamily,
  type Catalogue,
  type ChannelKind,
  type CounterKey,
  type GaugeKey,
  type HistogramKey,
  type LabelsOf,
  type LimitedResource,
  type RelayOutcome,
} from './catalogue.js';
import { TubeMetrics, type Flow, type Meter } from './tube-metrics.js';

/** Numbers that live elsewhere, asked for at each scrape. A source may throw: its gauge keeps the value it had. */
export interface MetricSources {
  readonly tubesByState?: () => Partial<Readonly<Record<TubeState, number>>>;
  readonly channels?: () => Partial<Readonly<Record<ChannelKind, ChannelTotals>>>;
  readonly resources?: () => Readonly<Record<LimitedResource, { readonly used: number; readonly limit: number }>>;
  readonly node?: () => { readonly isReady: boolean; readonly flightRecorderBytes: number };
  /** Milliseconds, and a ratio; of a window that scrapes do not change. */
  readonly eventLoop?: () => { readonly p50_ms: number; readonly p99_ms: number; readonly utilization: number };
  /** The silences of a tube; null when nothing is known of them. Asked when trouble begins, not at a scrape. */
  readonly flow?: (tubeId: string) => Flow | null;
}

interface ChannelTotals {
  readonly open: number;
  readonly bufferedBytes: number;
}

export interface MetricsOptions {
  readonly version: string;
  /** The closed list of signalling events, with one for names that are not in it (`unknown`). */
  readonly events: readonly string[];
  /** What the transport counts (its closed list); none of them are counted without. */
  readonly transportCounters?: readonly string[];
  readonly sources?: MetricSources;
  /** Also the metrics of the process and its event loop. Default true. */
  readonly processMetrics?: boolean;
}

/** prom-client calls these gauges `_total`, which is a counter's suffix; promtool refuses them. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];
const unknownEvent = 'unknown';
/**
 * Each scrape begins a new window of these, so that a second one that scrapes, or anybody with a loop of requests, would leave nothing in them. The catalogue has
 * what is needed of them.
 */
const perScrape = ['', '_min', '_max', '_mean', '_stddev', '_p50', '_p90', '_p99'].map(
  (figure) => `nodejs_eventloop_lag${figure}_seconds`,
);
/** A scrape costs the same however many ask. */
const sharedForMs = 1000;
const idle = { p50_ms: 0, p99_ms: 0, utilization: 0 };
const noLabels = {};

/** Labels are objects of texts whatever the family; only their names differ, and prom-client has one type for all. */
const plain = (labels: object): Readonly<Record<string, string>> => labels as Readonly<Record<string, string>>;

type Instrument = Counter | Gauge | Histogram;

function instrumentOf(family: AnyFamily, registry: Registry): Instrument {
  const { type, name, help, labels, buckets } = family;
  const common = { name, help, labelNames: Object.keys(labels), registers: [registry] };
  if (type === 'histogram') {
    const instrument = new Histogram({ ...common, buckets: [...buckets] });
    for (const combination of combinations(labels)) instrument.zero(combination);
    return instrument;
  }
  const instrument = type === 'counter' ? new Counter(common) : new Gauge(common);
  for (const combination of combinations(labels)) instrument.inc(combination, 0);
  return instrument;
}

export class Metrics implements Meter {
  readonly #registry = new Registry();
  readonly #sources: MetricSources;
  readonly #events: ReadonlySet<string>;
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #tubes: TubeMetrics;
  #shared: { readonly text: Promise<string>; readonly sinceMs: number } | null = null;

  constructor({ version, events, transportCounters = [], sources = {}, processMetrics = true }: MetricsOptions) {
    this.#sources = sources;
    this.#tubes = new TubeMetrics(this, (tubeId) => sources.flow?.(tubeId) ?? null);
    this.#events = new Set(events);
    const families: Catalogue = catalogue(version, process.version, events, transportCounters);
    for (const [key, family] of Object.entries(families)) {
      const instrument = instrumentOf(family, this.#registry);
      if (instrument instanceof Histogram) this.#histograms.set(key, instrument);
      else if (instrument instanceof Counter) this.#counters.set(key, instrument);
      else this.#gauges.set(key, instrument);
    }
    this.#set('info', { version, node_version: process.version }, 1);
    if (!processMetrics) return;
    collectDefaultMetrics({ register: this.#registry });
    for (const name of [...misnamed, ...perScrape]) this.#registry.removeSingleMetric(name);
  }

  /** Counts what a tube says. */
  observe(notice: TubeNotice): void {
    this.#tubes.observe(notice);
  }

  /** An incident of a tube is over. */
  incidentEnded({ trigger, outcome, phases: lengths }: Pick<Incident, 'trigger' | 'outcome' | 'phases'>): void {
    if (outcome === 'open') return;
    this.count('incidents', { trigger, outcome });
    for (const phase of phases) this.record('recoveryPhase', { phase }, (lengths[phase] ?? NaN) / 1000);
  }

  count<K extends CounterKey>(family: K, labels: LabelsOf<K>, amount = 1): void {
    // prom-client throws on a decrease; a counter that is asked for one stays.
    if (amount > 0) this.#counters.get(family)?.inc(plain(labels), amount);
  }

  adjust<K extends GaugeKey>(family: K, labels: LabelsOf<K>, by: 1 | -1): void {
    this.#gauges.get(family)?.inc(plain(labels), by);
  }

  record<K extends HistogramKey>(family: K, labels: LabelsOf<K>, value: number): void {
    // Wall clocks jump: a negative duration is none.
    if (Number.isFinite(value)) this.#histograms.get(family)?.observe(plain(labels), Math.max(0, value));
  }

  /** A signalling connection came (1) or went (-1). */
  connection(role: 'control' | 'peer', delta: 1 | -1): void {
    this.adjust('signallingConnections', { role }, delta);
  }

  message(event: string, direction: 'in' | 'out', outcome: 'ok' | 'error'): void {
    this.count('signallingMessages', { event: this.#eventOf(event), direction, outcome });
  }

  handled(event: string, seconds: number): void {
    this.record('signallingHandleDuration', { event: this.#eventOf(event) }, seconds);
  }

  authFailure(method: LabelsOf<'authFailures'>['method'], cause: LabelsOf<'authFailures'>['cause']): void {
    this.count('authFailures', { method, cause });
  }

  rateLimited(scope: LabelsOf<'rateLimited'>['scope']): void {
    this.count('rateLimited', { scope });
  }

  refusal(code: FailureCode): void {
    this.count('refusals', { code });
  }

  /** `cause`: one of `transportCounters`. */
  transport(cause: string, amount: number): void {
    this.count('transportRefusals', { cause }, amount);
  }

  nativeCallbackError(): void {
    this.count('nativeCallbackErrors', noLabels);
  }

  crashed(outcome: 'restarted' | 'given_up'): void {
    this.count('tubeCrashes', { outcome });
  }

  /** Application messages that went over a channel. */
  traffic(kind: ChannelKind, direction: 'in' | 'out', bytes: number, messages = 1): void {
    this.count('dataChannelBytes', { kind, direction }, bytes);
    this.count('dataChannelMessages', { kind, direction }, messages);
  }

  dropped(kind: ChannelKind, cause: LabelsOf<'dataChannelDrops'>['cause'], messages: number): void {
    this.count('dataChannelDrops', { kind, cause }, messages);
    // Who closes a tube or a channel does not wait for acknowledgements, which are due for up to 20 ms: that loses nothing that somebody wanted. `gap` and
    // `malformed` concern what came from the peer, which repeats it.
    if (kind === 'reliable' && (cause === 'given_up' || cause === 'too_large'))
      this.count('continuityLost', noLabels, messages);
  }

  /** Messages that go out once more after a cut-over. */
  replayed(messages: number): void {
    this.count('continuityReplayed', noLabels, messages);
  }

  /** A generation has all of its candidates. */
  gathered(durationMs: number, relay: RelayOutcome): void {
    this.record('iceGathering', { relay }, durationMs / 1000);
    if (relay === 'refused' || relay === 'unreachable') this.count('turnFailures', { cause: relay });
  }

  /** A storm began or is over. It lasts seconds, so scrapes would mostly miss the gauge. */
  stormActive(isActive: boolean): void {
    if (isActive) this.count('storms', noLabels);
    this.#set('stormGovernorActive', noLabels, isActive ? 1 : 0);
  }

  stored(op: LabelsOf<'storeOperation'>['op'], outcome: 'ok' | 'error', seconds: number): void {
    this.record('storeOperation', { op, outcome }, seconds);
  }

  draining(isDraining: boolean): void {
    this.#set('draining', noLabels, isDraining ? 1 : 0);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /**
   * The text for a scrape, which may be a second old: `/metrics` asks for no token, and a loop of requests must not keep the process busy.
   * @param nowMs monotonic
   */
  scrape(nowMs = performance.now()): Promise<string> {
    if (this.#shared === null || nowMs - this.#shared.sinceMs >= sharedForMs)
      this.#shared = { text: this.render(), sinceMs: nowMs };
    return this.#shared.text;
  }

  /** The text of this moment. */
  async render(): Promise<string> {
    this.#sample();
    return this.#registry.metrics();
  }

  #set<K extends GaugeKey>(family: K, labels: LabelsOf<K>, value: number): void {
    this.#gauges.get(family)?.set(plain(labels), value);
  }

  #eventOf(event: string): string {
    return this.#events.has(event) ? event : unknownEvent;
  }

  #sample(): void {
    const { tubesByState, channels, resources, node, eventLoop } = this.#sources;
    attempt(() => {
      for (const [state, count] of Object.entries(tubesByState?.() ?? {}))
        if (state !== 'closed') this.#sampled('tubes', { state }, count);
    });
    attempt(() => {
      for (const [kind, { open, bufferedBytes }] of Object.entries(channels?.() ?? {})) {
        this.#sampled('dataChannels', { kind }, open);
        this.#sampled('dataChannelBuffered', { kind }, bufferedBytes);
      }
    });
    attempt(() => {
      for (const [resource, { used, limit }] of Object.entries(resources?.() ?? {}))
        this.#sampled('resourceLimitRatio', { resource }, limit === 0 ? Number(used > 0) : used / limit);
    });
    attempt(() => {
      const { isReady = false, flightRecorderBytes = 0 } = node?.() ?? {};
      this.#sampled('ready', noLabels, Number(isReady));
      this.#sampled('flightRecorderBytes', noLabels, flightRecorderBytes);
    });
    attempt(() => {
      const { p50_ms: p50Ms, p99_ms: p99Ms, utilization } = eventLoop?.() ?? idle;
      this.#sampled('eventLoopUtilization', noLabels, utilization);
      this.#sampled('eventLoopLagP50', noLabels, p50Ms / 1000);
      this.#sampled('eventLoopLagP99', noLabels, p99Ms / 1000);
    });
  }

  /** Labels from a source: their names are not checked here. */
  #sampled(family: GaugeKey, labels: Readonly<Record<string, string>>, value: number): void {
    this.#gauges.get(family)?.set(labels, value);
  }
}

function attempt(sample: () => void): void {
  try {
    sample();
  } catch {
    // A scrape that shows the last value is worth more than one that fails.
  }
}
