/**
 * The tubes as calls that answer: what src/gateway/tubes.port.ts asks for, on top of the registry actor. It turns a call into a TubeEvent, and
 * waits for the emission that answers it. It decides nothing that a chart decides.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { ActorRefFrom } from 'xstate';
import type { QualityVerdict, TubeIdentity } from '../../machines/events.js';
import type { CloseReason, FailureCode } from '../../machines/failure.js';
import type { Description } from '../../machines/ports/transport.port.js';
import type { healthMachine } from '../../machines/health.machine.js';
import type { TubeEntry } from '../../machines/registry.js';
import { lossRatio } from '../../machines/policies/loss.js';
import type { QualityLimits } from '../../machines/policies/quality.js';
import type { TubeSettings } from '../../machines/settings.js';
import { AppError } from '../errors.js';
import type { Clock } from './indexed-scheduler.js';
import type { TubeNotice } from './notice.js';
import { ReportGate } from './report-gate.js';
import type { TubeRegistry } from './tube-registry.js';
import { Waiters } from './waiters.js';
import type { NetworkChangeSource, NetworkChangeType, RestartTrigger } from '../../machines/policies/recovery.js';

/** Native work behind a description takes milliseconds; this only bounds a bug. */
const callTimeoutMs = 20_000;
const dataSentEveryMs = 1_000;

const digestOf = (sdp: string): string => createHash('sha256').update(sdp).digest('hex');

/** Why a tube ended that never was one for its creator. */
function reasonOf(code: FailureCode | null): CloseReason {
  if (code === 'transport_gather_timeout') return 'gather_timeout';
  if (code?.startsWith('input_') === true) return 'requested';
  return code?.startsWith('limit_') === true ? 'limit' : 'internal';
}

export interface PendingOffer {
  readonly generation: number;
  readonly description: Description;
  readonly purpose: 'initial' | 'restart';
}

export interface TubeServiceOptions {
  readonly registry: TubeRegistry;
  readonly now: () => number;
  readonly clock?: Clock;
  /** Runs what may start a restart when the node has room for one; at once where it is left out. */
  readonly pace?: (tubeId: string, work: () => void) => void;
}

/** Nobody waits for these timers: they do not keep the process. */
const idleClock: Clock = {
  setTimeout: (fn, delayMs) => setTimeout(fn, delayMs).unref(),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};

/** As the health polls of the present path found it; `verdict` null: not polled yet. */
export interface QualityFound {
  readonly verdict: QualityVerdict | null;
  readonly scores: readonly number[];
  readonly samples: readonly { readonly lossRatio: number | null; readonly rttMs: number | null }[];
  readonly limits: QualityLimits;
}

export class TubeService {
  readonly #registry: TubeRegistry;
  readonly #now: () => number;
  readonly #pace: (tubeId: string, work: () => void) => void;
  readonly #reports: ReportGate;
  readonly #waiters = new Waiters();
  readonly #pendingOffers = new Map<string, PendingOffer>();
  /** Of each live tube the last answer that was taken: a peer whose acknowledgement was lost sends it again. */
  readonly #answers = new Map<string, { readonly digest: string; readonly generation: number }>();
  /** When each live tube was last told that data was sent. */
  readonly #dataSentAtMs = new Map<string, number>();

  constructor({ registry, now, clock = idleClock, pace = (_, work) => work() }: TubeServiceOptions) {
    this.#registry = registry;
    this.#now = now;
    this.#pace = pace;
    this.#reports = new ReportGate(clock, now);
    registry.onNotice((notice) => {
      this.#track(notice);
      this.#waiters.hear(notice);
    });
  }

  async create(
    identity: TubeIdentity,
    settings: TubeSettings,
    offerSdp: string | null,
  ): Promise<{ generation: number; description: Description }> {
    const { tubeId } = identity;
    if (this.#registry.entries.has(tubeId)) throw new AppError('service_internal', 'the tube exists');
    const requestId = randomUUID();
    const described = this.#waiters.wait(tubeId, settings.iceGatherTimeoutMs + callTimeoutMs, ({ emission }) => {
      if (emission.type === 'description')
        return { generation: emission.generation, description: emission.description };
      if (emission.type === 'failure' || emission.type === 'refused') return AppError.from(emission.failure);
      return undefined;
    });
    this.#registry.open(
      { kind: 'create', identity, settings, atMs: this.#now() },
      offerSdp === null ? null : { sdp: offerSdp, requestId },
    );
    try {
      return await described;
    } catch (error) {
      this.close(tubeId, reasonOf(error instanceof AppError ? error.code : null));
      throw error;
    }
  }

  async remoteDescription(
    tubeId: string,
    description: Description,
    generation: number | null,
  ): Promise<{ generation: number; answer: Description | null }> {
    this.#require(tubeId);
    const repeated = description.type === 'answer' ? this.#repeated(tubeId, description.sdp, generation) : null;
    if (repeated !== null) return { generation: repeated, answer: null };
    const requestId = randomUUID();
    const outcome = this.#waiters.wait(tubeId, callTimeoutMs, ({ emission }) => {
      if (emission.type === 'refused' && emission.requestId === requestId) return AppError.from(emission.failure);
      if (description.type === 'answer' && emission.type === 'accepted' && emission.requestId === requestId) {
        return { generation: emission.generation, answer: null };
      }
      if (description.type === 'offer' && emission.type === 'description' && emission.requestId === requestId) {
        return { generation: emission.generation, answer: emission.description };
      }
      return undefined;
    });
    this.#registry.deliver(tubeId, {
      type: 'tube.remoteDescription',
      requestId,
      description,
      generation,
      atMs: this.#now(),
    });
    const result = await outcome;
    if (description.type === 'answer') {
      this.#pendingOffers.delete(tubeId);
      this.#remember(tubeId, description.sdp, result.generation);
    }
    return result;
  }

  async remoteCandidate(
    tubeId: string,
    candidate: string,
    mid: string,
    generation: number | null,
  ): Promise<{ generation: number }> {
    this.#require(tubeId);
    const requestId = randomUUID();
    const outcome = this.#waiters.wait(tubeId, callTimeoutMs, ({ emission }) => {
      if (emission.type === 'accepted' && emission.requestId === requestId) return { generation: emission.generation };
      if (emission.type === 'refused' && emission.requestId === requestId) return AppError.from(emission.failure);
      return undefined;
    });
    this.#registry.deliver(tubeId, {
      type: 'tube.remoteCandidate',
      requestId,
      candidate,
      mid,
      generation,
      atMs: this.#now(),
    });
    return outcome;
  }

  async restart(
    tubeId: string,
    trigger: RestartTrigger,
    fresh: boolean,
  ): Promise<{ generation: number; description: Description; alreadyInProgress: boolean }> {
    this.#require(tubeId);
    const requestId = randomUUID();
    const outcome = this.#waiters.wait(tubeId, callTimeoutMs, ({ emission }) => {
      if (emission.type === 'description' && emission.description.type === 'offer') {
        return { generation: emission.generation, description: emission.description, alreadyInProgress: false };
      }
      if (emission.type !== 'refused' || emission.requestId !== requestId) return undefined;
      const pending = emission.failure.code === 'restart_in_progress' ? this.pendingOffer(tubeId) : null;
      return pending === null ? AppError.from(emission.failure) : { ...pending, alreadyInProgress: true };
    });
    this.#registry.deliver(tubeId, { type: 'tube.restart', requestId, trigger, fresh, atMs: this.#now() });
    return outcome;
  }

  close(tubeId: string, reason: CloseReason): boolean {
    return this.#registry.deliver(tubeId, { type: 'tube.close', reason, atMs: this.#now() });
  }

  activity(tubeId: string): void {
    this.#registry.deliver(tubeId, { type: 'tube.activity', atMs: this.#now() });
  }

  /** Application data was accepted for sending. Told to the tube at most once per second: sessions are counted in minutes. */
  dataSent(tubeId: string): void {
    const atMs = this.#now();
    const sinceMs = atMs - (this.#dataSentAtMs.get(tubeId) ?? -Infinity);
    // A clock that was set back must not silence it.
    if (sinceMs >= 0 && sinceMs < dataSentEveryMs) return;
    if (this.#registry.deliver(tubeId, { type: 'tube.dataSent', atMs })) this.#dataSentAtMs.set(tubeId, atMs);
  }

  operationFailed(tubeId: string): void {
    this.#registry.deliver(tubeId, { type: 'tube.operationFailed', atMs: this.#now() });
  }

  peerReplaced(tubeId: string): void {
    this.#registry.deliver(tubeId, { type: 'tube.peerReplaced', atMs: this.#now() });
  }

  /** A change that somebody outside of this node reports; each tube hears those of one source at a bounded pace. Returns how many are here. */
  networkChanged(
    tubeIds: readonly string[],
    change: NetworkChangeType,
    source: Extract<NetworkChangeSource, 'peer' | 'controller'>,
    detail: string,
  ): number {
    const here = tubeIds.filter((tubeId) => this.#registry.entries.has(tubeId));
    for (const tubeId of here) {
      const deliver = (): void => {
        const report = { change, source, detail, route: null, atMs: this.#now() };
        this.#registry.deliver(tubeId, { type: 'tube.networkChanged', ...report });
      };
      this.#reports.pass(`${source} ${tubeId}`, () => this.#pace(tubeId, deliver));
    }
    return here.length;
  }

  peerSignalling(tubeId: string, online: boolean): void {
    this.#registry.deliver(tubeId, { type: 'tube.peerSignalling', online, atMs: this.#now() });
  }

  pendingOffer(tubeId: string): PendingOffer | null {
    return this.#pendingOffers.get(tubeId) ?? null;
  }

  view(tubeId: string): TubeViewOf | null {
    const entry = this.#registry.entries.get(tubeId);
    return entry === undefined ? null : viewOf(entry);
  }

  /** What the health child of the present path has found; null while there is none. */
  quality(tubeId: string): QualityFound | null {
    const { children } = this.#registry.entries.get(tubeId)?.ref.getSnapshot() ?? {};
    // All children of a machine share one type; this one is `health`.
    const health = children?.health as ActorRefFrom<typeof healthMachine> | undefined;
    if (health === undefined) return null;
    const { verdict, scores, samples, isPolled, settings: limits } = health.getSnapshot().context;
    return {
      verdict: isPolled ? verdict : null,
      scores,
      samples: samples.map(({ loss, rttMs }) => ({ lossRatio: loss === null ? null : lossRatio(loss), rttMs })),
      limits,
    };
  }

  *list(): Iterable<TubeViewOf> {
    for (const entry of this.#registry.entries.values()) yield viewOf(entry);
  }

  #require(tubeId: string): void {
    if (!this.#registry.entries.has(tubeId)) throw new AppError('tube_unknown');
  }

  /** The generation that has taken this very answer already, else null. */
  #repeated(tubeId: string, sdp: string, generation: number | null): number | null {
    const last = this.#answers.get(tubeId);
    if (last === undefined || (generation !== null && generation !== last.generation)) return null;
    return last.digest === digestOf(sdp) ? last.generation : null;
  }

  #remember(tubeId: string, sdp: string, generation: number): void {
    // It may have closed between the acceptance and now.
    if (this.#registry.entries.has(tubeId)) this.#answers.set(tubeId, { digest: digestOf(sdp), generation });
  }

  #track({ identity: { tubeId }, emission }: TubeNotice): void {
    if (emission.type === 'closed') {
      this.#dataSentAtMs.delete(tubeId);
      this.#answers.delete(tubeId);
    }
    if (emission.type === 'description' && emission.description.type === 'offer') {
      const { generation, description, purpose } = emission;
      this.#pendingOffers.set(tubeId, { generation, description, purpose });
    } else if (emission.type === 'cutOver' || emission.type === 'attemptEnded' || emission.type === 'closed') {
      this.#pendingOffers.delete(tubeId);
    } else if (emission.type === 'state' && emission.state === 'failed') {
      this.#pendingOffers.delete(tubeId);
    }
  }
}

type TubeViewOf = ReturnType<typeof viewOf>;

function viewOf(entry: TubeEntry) {
  const { context } = entry.ref.getSnapshot();
  return {
    identity: entry.identity,
    settings: context.settings,
    state: entry.state,
    transportState: context.transportState,
    generation: context.generation,
    activeGeneration: context.active,
    peerKind: context.peer.kind,
    channels: context.peer.channels,
    incident: context.incident,
    lastActivityAtMs: context.lastActivityAtMs,
  };
}
