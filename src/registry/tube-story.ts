/**
 * One live tube as an operator sees it in a list: state, since when and why, the incident that is open, what comes next, and what was measured last.
 * Fed with the notices of its tube by incident-book.ts; outside of the actors, so that a crash does not end it. It changes nothing.
 */
import type { QualityFinding, TubeIdentity, TubeState } from '../../machines/events.js';
import type { RestartTrigger } from '../../machines/policies/recovery.js';
import type { SelectedPair } from '../../machines/ports/transport.port.js';
import { IncidentFold } from '../operator/incident.js';
import type { IncidentFacts } from '../operator/incident.types.js';
import type { NextStep, SamplePoint, TubeRow } from '../operator/operator.types.js';
import { factOf } from './flight-entry.js';
import { nextStep, type StepSettings } from './next-step.js';
import type { TubeNotice } from './notice.js';
import { type Carried, SampleRing } from './sample-ring.js';

/** What a notice did to the story. */
export interface Turn {
  /** The row is another one. */
  readonly isNews: boolean;
  /** An incident that is over and known as well as it ever will be. */
  readonly settled: IncidentFacts | null;
}

export interface TubeStoryOptions {
  /** How long a tube that is carried on waits for a controller. */
  readonly followedWithinMs: number;
  /** Asked when a sample is taken. */
  readonly carried: () => Carried;
}

const nothing: Turn = { isNews: false, settled: null };
const news: Turn = { isNews: true, settled: null };

/** Round-trip times differ from pong to pong; a list that shows each of them shows nothing else. */
const rttShare = 0.25;
const minRttStepMs = 10;
/** After somebody has looked at the samples they are dense for so long. */
const denseAfterLookMs = 60_000;

export class TubeStory {
  /** Incidents that are over, oldest first; incident-book.ts keeps it short. */
  readonly past: IncidentFacts[] = [];
  readonly #fold = new IncidentFold();
  readonly #samples = new SampleRing();
  readonly #carried: () => Carried;
  #settings: StepSettings;
  #state: TubeState = 'initializing';
  #sinceMs: number;
  #reason = '';
  #generation = 1;
  /** The generation that carries data. */
  #active: number | null = null;
  #next: NextStep | null = null;
  #rttMs: number | null = null;
  #loss: number | null = null;
  #score: number | null = null;
  #pair: string | null = null;
  #recovered = 0;
  #lookedAtMs = -Infinity;

  constructor(
    readonly identity: TubeIdentity,
    atMs: number,
    { followedWithinMs, carried }: TubeStoryOptions,
  ) {
    this.#sinceMs = atMs;
    this.#settings = { followedWithinMs };
    this.#carried = carried;
  }

  get state(): TubeState {
    return this.#state;
  }

  /** Why it is in its state. */
  get reason(): string {
    return this.#reason;
  }

  get isInTrouble(): boolean {
    return this.#fold.isOpen;
  }

  /** What the open incident began with, or the last one while it is not settled. */
  get trigger(): RestartTrigger | null {
    return this.#fold.trigger;
  }

  /** Incidents so far, the open one included. */
  get incidents(): number {
    return this.#fold.count;
  }

  hear(notice: TubeNotice): Turn {
    const { emission, atMs } = notice;
    // A tube that is carried on begins with another one than the first.
    this.#generation = notice.generation;
    switch (emission.type) {
      case 'ping':
        return emission.outcome === 'pong' ? this.#pong(emission.rttMs, atMs) : this.#fact(notice, false);
      case 'polled':
        return this.#polled(emission, atMs);
      case 'record':
        this.#settings = { ...this.#settings, ...emission.record.settings };
        return emission.record.activeGeneration === null && this.#pathGone() ? news : nothing;
      case 'selectedPair':
        this.#pair = inWords(emission.pair);
        return news;
      case 'state':
        return this.#stateChanged(notice, emission.state, emission.reason);
      case 'cutOver':
        this.#active = emission.generation;
        this.#pair = null;
        return this.#fact(notice, true);
      case 'accepted':
        return emission.what === 'candidate' ? nothing : this.#fact(notice, true);
      case 'description':
      case 'decision':
      case 'attemptStarted':
      case 'attemptEnded':
      case 'networkChange':
      case 'recovered':
      case 'closed':
        return this.#fact(notice, true);
      case 'generationClosed':
        return this.#fact(notice, emission.generation === this.#active && this.#pathGone());
      default:
        return nothing;
    }
  }

  row(nowMs: number): TubeRow {
    const open = this.#fold.isOpen ? this.#fold.present(nowMs) : null;
    return {
      tube_id: this.identity.tubeId,
      conversation_id: this.identity.conversationId,
      state: this.#state,
      since_ms: this.#sinceMs,
      reason: this.#reason,
      created_at_ms: this.identity.createdAtMs,
      generation: this.#generation,
      incident:
        open === null ? null : { started_at_ms: open.started_at_ms, trigger: open.trigger, attempts: open.attempts },
      next: this.#next,
      rtt_ms: this.#rttMs,
      loss: this.#loss,
      score: this.#score,
      pair: this.#pair,
      recovered: this.#recovered,
      incidents: this.#fold.count,
    };
  }

  /** The incident that is open, or was a moment ago. */
  present(nowMs: number): IncidentFacts | null {
    return this.#fold.present(nowMs);
  }

  /** Of the last 15 minutes; who looks gets them denser from now on. */
  samples(nowMs: number): SamplePoint[] {
    this.#lookedAtMs = nowMs;
    return this.#samples.points(nowMs);
  }

  /** What the fold of incidents and the next step make of it. */
  #fact(notice: TubeNotice, isNews: boolean): Turn {
    this.#next = nextStep(this.#next, notice, this.#state, this.#settings);
    const fact = factOf(notice);
    if (fact === null) return nothing;
    const { atMs, emission } = notice;
    const generation = 'generation' in emission ? emission.generation : notice.generation;
    // The fold looks at no number of an entry, and numbers are the recorder's.
    return { isNews, settled: this.#fold.note({ at_ms: atMs, seq: 0, generation, ...fact }) };
  }

  #stateChanged(notice: TubeNotice, state: TubeState, reason: string): Turn {
    const wasInTrouble = this.#fold.isOpen;
    if (state !== this.#state) this.#sinceMs = notice.atMs;
    this.#state = state;
    this.#reason = reason;
    if (state === 'failed') this.#pathGone();
    const turn = this.#fact(notice, true);
    if (wasInTrouble && state === 'connected') this.#recovered += 1;
    return turn;
  }

  /** What was measured was measured of it. True when the row is another one now. */
  #pathGone(): boolean {
    const isNews = [this.#pair, this.#rttMs, this.#loss, this.#score].some((value) => value !== null);
    this.#active = this.#pair = this.#rttMs = this.#loss = this.#score = null;
    return isNews;
  }

  #pong(rttMs: number | null, atMs: number): Turn {
    const settled = this.#fold.heard(atMs);
    const told = this.#rttMs;
    if (rttMs === null) return settled === null ? nothing : { isNews: false, settled };
    const step = Math.max(minRttStepMs, rttShare * (told ?? 0));
    const isNews = told === null || Math.abs(rttMs - told) >= step;
    if (isNews) this.#rttMs = rttMs;
    this.#measured(rttMs, atMs);
    return isNews || settled !== null ? { isNews, settled } : nothing;
  }

  /** A path that is sound says the same each time. */
  #polled({ score, lossRatio, rttMs }: QualityFinding, atMs: number): Turn {
    const isNews = score !== this.#score || lossRatio !== this.#loss;
    this.#score = score;
    this.#loss = lossRatio;
    this.#measured(rttMs, atMs);
    return isNews ? news : nothing;
  }

  #measured(rttMs: number | null, atMs: number): void {
    const isDense = this.#state !== 'connected' || atMs - this.#lookedAtMs < denseAfterLookMs;
    this.#samples.add(atMs, { rttMs, loss: this.#loss, carried: this.#carried() }, isDense);
  }
}

/** `host/srflx udp`: what the two ends are, ours first. */
const inWords = ({ local, remote }: SelectedPair): string => `${local.type}/${remote.type} ${local.protocol}`;
