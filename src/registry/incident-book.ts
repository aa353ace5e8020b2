/**
 * What operators are told of the tubes of this node: of each live one its story (tube-story.ts), its incidents that are over, which tubes closed
 * lately, and how the last hour went. A listener of the registry like the flight recorder: it changes nothing and decides nothing. Bounded per tube and
 * in all; the oldest incident goes first.
 */
import type { TubeIdentity, TubeState } from '../../machines/events.js';
import type { CloseReason } from '../../machines/failure.js';
import type { RestartTrigger } from '../../machines/policies/recovery.js';
import { suspicionOf } from '../operator/evidence.js';
import type { IncidentFacts } from '../operator/incident.types.js';
import type { ClosedTubeRow, NodeView, SamplePoint, TrendMinute, TubeRow } from '../operator/operator.types.js';
import type { TubeNotice } from './notice.js';
import type { Carried } from './sample-ring.js';
import { Trend } from './trend.js';
import { TubeStory } from './tube-story.js';

export interface IncidentBookOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Tubes that closed lately and are remembered. */
  readonly maxClosed: number;
  /** How long a tube that is carried on after a restart of the service waits for a controller. */
  readonly followedWithinMs: number;
  /** What the paths of a tube carried; null while it has had none. Default: nothing is known of any. */
  readonly carried?: (tubeId: string) => Carried | null;
}

/** A row is another one, or the tube is gone (`row` then says null). */
export type RowListener = (identity: TubeIdentity) => void;
/** An incident is over and known as well as it ever will be. */
export type IncidentListener = (identity: TubeIdentity, incident: IncidentFacts) => void;

interface ClosedTube {
  readonly identity: TubeIdentity;
  readonly closedAtMs: number;
  readonly reason: CloseReason;
  /** Oldest first. */
  readonly past: IncidentFacts[];
}

interface TroubleChange {
  readonly begun: number;
  readonly endedOf: RestartTrigger | null;
}

/** Restarts that somebody wanted say nothing about whether it is getting worse. */
const planned: readonly RestartTrigger[] = ['manual', 'turn_expiry', 'service_restart'];
const isPlanned = (trigger: RestartTrigger | null): boolean => trigger !== null && planned.includes(trigger);

const nothingCarried: Carried = { bytesIn: 0, bytesOut: 0 };

const maxPastPerTube = 10;
/** Half a kilobyte each. */
const maxPast = 20_000;

export class IncidentBook {
  readonly #options: IncidentBookOptions;
  readonly #stories = new Map<string, TubeStory>();
  /** Oldest first. */
  readonly #closed = new Map<string, ClosedTube>();
  /** All that are over, oldest first, with the list that each is in. */
  readonly #past = new Map<IncidentFacts, IncidentFacts[]>();
  readonly #trend = new Trend();
  readonly #rowListeners = new Set<RowListener>();
  readonly #incidentListeners = new Set<IncidentListener>();

  constructor(options: IncidentBookOptions) {
    this.#options = options;
  }

  /** A listener for `TubeRegistry.onNotice`. */
  observe(notice: TubeNotice): void {
    const { identity, emission } = notice;
    const story = this.#storyOf(notice);
    if (story === null) return;
    const { incidents, state, trigger } = story;
    const wasInTrouble = story.isInTrouble;
    const { isNews, settled } = story.hear(notice);
    if (settled !== null) this.#settled(story, settled);
    if (story.isInTrouble !== wasInTrouble || story.incidents !== incidents)
      this.#troubleChanged(story, { begun: story.incidents - incidents, endedOf: trigger }, notice);
    const isClosedForIt = emission.type === 'closed' && settled?.outcome === 'failed';
    if ((story.state === 'failed' && state !== 'failed') || isClosedForIt) this.#trend.note('lost', notice.atMs);
    if (emission.type === 'closed') this.#close(story, emission.reason, notice.atMs);
    if (isNews) for (const listener of this.#rowListeners) listener(identity);
  }

  /** Null when it is not here. */
  row(tubeId: string): TubeRow | null {
    return this.#stories.get(tubeId)?.row(this.#options.now()) ?? null;
  }

  /** Ids of the live tubes of a tenant. */
  *tubesOf(tenant: string): Generator<string> {
    for (const [tubeId, { identity }] of this.#stories) if (identity.tenant === tenant) yield tubeId;
  }

  /** Newest first, with the present one; also of a tube that closed lately. Null: nothing is known of the tube, or not any more. */
  incidents(tubeId: string): IncidentFacts[] | null {
    const story = this.#stories.get(tubeId);
    const past = story?.past ?? this.#closed.get(tubeId)?.past;
    if (past === undefined) return null;
    const present = story?.present(this.#options.now()) ?? null;
    return [...past, ...(present === null ? [] : [present])].reverse();
  }

  /** Of a live tube, the last 15 minutes at most. */
  samples(tubeId: string): SamplePoint[] {
    return this.#stories.get(tubeId)?.samples(this.#options.now()) ?? [];
  }

  /** Newest first. */
  closed(tenant: string): ClosedTubeRow[] {
    const own = [...this.#closed.values()].filter(({ identity }) => identity.tenant === tenant);
    return own.reverse().map(({ identity, closedAtMs, reason }) => ({
      tube_id: identity.tubeId,
      conversation_id: identity.conversationId,
      created_at_ms: identity.createdAtMs,
      closed_at_ms: closedAtMs,
      reason,
    }));
  }

  /** Of all tenants. */
  states(): Record<TubeState, number> {
    const counts = { initializing: 0, connecting: 0, connected: 0, degraded: 0, failed: 0, closed: 0 };
    for (const { state } of this.#stories.values()) counts[state] += 1;
    return counts;
  }

  /** Of all tenants: what is wrong with the tubes that are in trouble, or were given up and wait to be closed. */
  blame(): NodeView['blame'] {
    const sides = { us: 0, them: 0, unclear: 0 };
    const counts: Record<'triggers' | 'routes', Record<string, number>> = { triggers: {}, routes: {} };
    for (const story of this.#stories.values()) {
      if (!story.isInTrouble && story.state !== 'failed') continue;
      const incident = this.#blamedFor(story);
      const trigger = incident?.trigger ?? story.reason;
      const route = incident?.evidence?.route ?? 'unknown';
      counts.triggers[trigger] = (counts.triggers[trigger] ?? 0) + 1;
      counts.routes[route] = (counts.routes[route] ?? 0) + 1;
      sides[incident === null ? 'unclear' : suspicionOf(incident).side] += 1;
    }
    return { ...counts, sides };
  }

  trend(): TrendMinute[] {
    return this.#trend.minutes(this.#options.now());
  }

  /** The listener must not throw. Returns the unsubscriber. */
  onRow(listener: RowListener): () => void {
    this.#rowListeners.add(listener);
    return () => this.#rowListeners.delete(listener);
  }

  /** The listener must not throw. Returns the unsubscriber. */
  onIncident(listener: IncidentListener): () => void {
    this.#incidentListeners.add(listener);
    return () => this.#incidentListeners.delete(listener);
  }

  /** What is kept, for tests. */
  get size(): { readonly tubes: number; readonly closed: number; readonly past: number } {
    return { tubes: this.#stories.size, closed: this.#closed.size, past: this.#past.size };
  }

  /** The incident that is open, or that the tube was given up in; null of one that was given up before it was ever connected. */
  #blamedFor(story: TubeStory): IncidentFacts | null {
    if (story.isInTrouble) return story.present(this.#options.now());
    const last = story.past.at(-1);
    return last?.outcome === 'failed' ? last : null;
  }

  /** Null for a tube that is gone: late notices of it must not bring it back. */
  #storyOf({ identity, emission, atMs }: TubeNotice): TubeStory | null {
    const known = this.#stories.get(identity.tubeId);
    if (known !== undefined) return known;
    if (emission.type !== 'state' || emission.state === 'closed') return null;
    const { followedWithinMs, carried } = this.#options;
    const story = new TubeStory(identity, atMs, {
      followedWithinMs,
      carried: () => carried?.(identity.tubeId) ?? nothingCarried,
    });
    this.#stories.set(identity.tubeId, story);
    return story;
  }

  #troubleChanged(story: TubeStory, { begun, endedOf }: TroubleChange, { atMs }: TubeNotice): void {
    if (!isPlanned(story.trigger)) for (let count = 0; count < begun; count += 1) this.#trend.note('started', atMs);
    if (story.state === 'connected' && !story.isInTrouble && !isPlanned(endedOf)) this.#trend.note('recovered', atMs);
  }

  #settled({ identity, past }: TubeStory, incident: IncidentFacts): void {
    past.push(incident);
    this.#past.set(incident, past);
    if (past.length > maxPastPerTube) this.#forget(past);
    else if (this.#past.size > maxPast) this.#forget(first(this.#past.values()));
    const { outcome, outage_ms: outageMs, ended_at_ms: endedAtMs } = incident;
    const isOver = outcome === 'recovered' || outcome === 'stood_down';
    if (isOver && outageMs !== null && outageMs > 0) this.#trend.outage(outageMs, endedAtMs ?? this.#options.now());
    for (const listener of this.#incidentListeners) listener(identity, incident);
  }

  /** The oldest of one list: the oldest of all is the oldest of its own. */
  #forget(past: IncidentFacts[] | undefined): void {
    const oldest = past?.shift();
    if (oldest !== undefined) this.#past.delete(oldest);
  }

  #close(story: TubeStory, reason: CloseReason, atMs: number): void {
    const { identity, past } = story;
    this.#stories.delete(identity.tubeId);
    this.#closed.set(identity.tubeId, { identity, closedAtMs: atMs, reason, past });
    if (this.#closed.size > this.#options.maxClosed) this.#forgetClosed(first(this.#closed.values()));
  }

  #forgetClosed(oldest: ClosedTube | undefined): void {
    if (oldest === undefined) return;
    this.#closed.delete(oldest.identity.tubeId);
    while (oldest.past.length > 0) this.#forget(oldest.past);
  }
}

const first = <Item>(items: Iterator<Item>): Item | undefined => items.next().value as Item | undefined;
