/**
 * Runs the registry actor: builds it on the indexed scheduler, stamps what its tubes say into notices, and hands each notice to guarded
 * listeners. It knows no sockets and no native handles; src/registry/tube-service.ts turns it into calls that answer.
 */
import { createActor, type Actor } from 'xstate';
import type { TubeEmission, TubeEvent, TubeIdentity, TubeRecord } from '../../machines/events.js';
import type { CloseReason } from '../../machines/failure.js';
import type { Evidence } from '../../machines/policies/recovery.js';
import { createRegistryLogic, type RegistryLogic, type TubeEntry, type TubeLogic } from '../../machines/registry.js';
import type { TubeSettings } from '../../machines/settings.js';
import type { TubeInput } from '../../machines/tube.context.js';
import { installIndexedScheduler, type Clock } from './indexed-scheduler.js';
import type { TubeNotice } from './notice.js';

/** Told what is delivered to tubes, for a recorder (input-recorder.ts). */
export interface InputTap {
  /** Before it is. */
  opened(identity: TubeIdentity, settings: TubeSettings, offer: boolean, atMs: number): void;
  /** After it was. */
  resumed(tubeId: string): void;
  /** Before the tube hears of it. */
  heard(tubeId: string, event: TubeEvent): void;
}

export interface TubeRegistryOptions {
  readonly tubeLogic: TubeLogic;
  readonly crashRestarts: number;
  readonly crashWindowMs: number;
  readonly now: () => number;
  readonly clock: Clock;
  /** Releases what a tube that is gone for good left behind (native handles). */
  readonly release: (tubeId: string, reason: CloseReason) => void;
  readonly crashed: (tubeId: string, error: unknown, outcome: 'restarted' | 'given_up') => void;
  /** A listener or effect threw: a bug of ours that must not reach the tube. */
  readonly bug: (where: string, error: unknown) => void;
  /** Called guarded. Default: nobody. */
  readonly tap?: InputTap;
}

export type NoticeListener = (notice: TubeNotice) => void;

/** Charts have no clock: where a ping that was missed is the reason, only here it is known for how long nothing was heard. */
function withSilence(entry: TubeEntry, emission: TubeEmission, atMs: number): TubeEmission {
  if (emission.type !== 'decision' && emission.type !== 'networkChange') return emission;
  const { lastHeardAtMs } = entry.ref.getSnapshot().context;
  const silentFor = (evidence: Evidence): Evidence => ({
    ...evidence,
    silentMs: Math.max(evidence.silentMs, atMs - lastHeardAtMs),
  });
  if (emission.type === 'networkChange') return { ...emission, evidence: silentFor(emission.evidence) };
  return { ...emission, decision: { ...emission.decision, evidence: silentFor(emission.decision.evidence) } };
}

export class TubeRegistry {
  readonly #options: TubeRegistryOptions;
  readonly #root: Actor<RegistryLogic>;
  readonly #listeners = new Set<NoticeListener>();
  readonly #pendingTimers: () => number;
  #stopped = false;

  constructor(options: TubeRegistryOptions) {
    this.#options = options;
    const logic = createRegistryLogic(options.tubeLogic, {
      now: options.now,
      crashRestarts: options.crashRestarts,
      crashWindowMs: options.crashWindowMs,
      notice: (entry, previousState, emission) => {
        const [atMs, generation] = [options.now(), this.#generationOf(entry)];
        this.#publish({
          identity: entry.identity,
          generation,
          atMs,
          previousState,
          emission: withSilence(entry, emission, atMs),
        });
      },
      release: (tubeId, reason) => {
        this.#guard('release', () => {
          options.release(tubeId, reason);
        });
      },
      crashed: (entry, error, outcome) => {
        this.#guard('crashed', () => {
          options.crashed(entry.identity.tubeId, error, outcome);
        });
      },
    });
    this.#root = createActor(logic, { clock: options.clock });
    this.#pendingTimers = installIndexedScheduler(this.#root, options.clock);
    this.#root.subscribe({
      error: (error) => {
        options.bug('registry', error);
      },
    });
    this.#root.start();
  }

  open(input: Extract<TubeInput, { kind: 'create' }>, offer: { sdp: string; requestId: string } | null): void {
    this.#tell((tap) => tap.opened(input.identity, input.settings, offer !== null, input.atMs));
    this.#root.send({ type: 'registry.open', input, begin: { type: 'tube.begin', offer, atMs: input.atMs } });
  }

  /**
   * Carries on a tube of another process. It restarts when the node lets it go (`release`).
   * @param silentSinceMs when that process was last alive, milliseconds since the epoch; its outage began then
   */
  resume(record: TubeRecord, silentSinceMs = this.#options.now()): void {
    this.#root.send({ type: 'registry.resume', record, silentSinceMs });
    this.#tell((tap) => tap.resumed(record.tubeId));
  }

  /** The restart of a resumed tube may begin. */
  release(tubeId: string): void {
    this.deliver(tubeId, { type: 'tube.nodeChanged', node: { held: false }, atMs: this.#options.now() });
  }

  /** False when there is no such tube. */
  deliver(tubeId: string, event: TubeEvent): boolean {
    if (!this.entries.has(tubeId)) return false;
    this.#tell((tap) => tap.heard(tubeId, event));
    this.#root.send({ type: 'registry.deliver', tubeId, event });
    return true;
  }

  /** The live tubes. Read only. */
  get entries(): ReadonlyMap<string, TubeEntry> {
    return this.#root.getSnapshot().tubes;
  }

  /** The root of the actor system, for inspection. */
  get root(): Actor<RegistryLogic> {
    return this.#root;
  }

  pendingTimers(): number {
    return this.#pendingTimers();
  }

  onNotice(listener: NoticeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Closes every tube with `shutdown` and stops the system. */
  stop(): void {
    if (this.#stopped) return;
    const atMs = this.#options.now();
    for (const tubeId of [...this.entries.keys()])
      this.deliver(tubeId, { type: 'tube.close', reason: 'shutdown', atMs });
    this.leave();
  }

  /** Stops the system and closes no tube: another process carries them on from their records. */
  leave(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#root.stop();
  }

  #publish(notice: TubeNotice): void {
    for (const listener of this.#listeners) {
      this.#guard('notice listener', () => {
        listener(notice);
      });
    }
  }

  #tell(work: (tap: InputTap) => void): void {
    const { tap } = this.#options;
    if (tap !== undefined)
      this.#guard('input tap', () => {
        work(tap);
      });
  }

  #generationOf(entry: TubeEntry): number {
    return entry.record?.generation ?? 1;
  }

  #guard(where: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.bug(where, error);
    }
  }
}
