/**
 * The `Tubes` port without tubes: remembers what the gateway asked for and says what a test tells it to say. Used by the gateway tests;
 * drive it with `say` and `receive`, make a method fail through `failWith`.
 */
import type { TubeEmission, TubeIdentity, TubeState } from '../../machines/events.js';
import type { FailureCode } from '../../machines/failure.js';
import type { Description } from '../../machines/ports/transport.port.js';
import type { TubeSettings } from '../../machines/settings.js';
import type { IceServer } from '../../src/channels/connection.port.js';
import { AppError } from '../../src/errors.js';
import type { Limits, Tubes, TubeStats, TubeView } from '../../src/gateway/tubes.port.js';
import type { TubeNotice } from '../../src/registry/notice.js';

export const fakeSdp = (text: string): string => `v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=${text}\r\n`;

export interface AskedCall {
  readonly method: string;
  readonly args: readonly unknown[];
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type PendingOffer = NonNullable<ReturnType<Tubes['pendingOffer']>>;

/** Only the settings that the gateway looks at; the rest belongs to others. */
export const fakeSettings = (trickleIce: boolean): TubeSettings => ({ trickleIce }) as TubeSettings;

export class FakeTubes implements Tubes {
  readonly asked: AskedCall[] = [];
  readonly views = new Map<string, Mutable<TubeView>>();
  readonly offers = new Map<string, PendingOffer>();
  readonly flights = new Map<string, NonNullable<ReturnType<Tubes['flight']>>>();
  readonly histories = new Map<string, ReturnType<Tubes['history']>>();
  /** The next call of a method rejects with this code. */
  readonly failWith = new Map<keyof Tubes, FailureCode>();
  /** What happens inside `create`, before it resolves. */
  duringCreate: (tubeId: string) => Promise<void> | void = () => undefined;
  sendFailure: FailureCode | null = null;
  /** In the credentials of TURN servers: change it to see which are new. */
  credentialsExpire = 1;
  loss: TubeStats['loss'] = null;
  readonly #notices = new Set<(notice: TubeNotice) => void>();
  readonly #messages = new Set<(tubeId: string, channel: string, data: string | Uint8Array) => void>();

  readonly limits: Limits & { refusal: FailureCode | null } = {
    refusal: null,
    get: () => ({ max_concurrent_ice_agents: 1000 }),
    set: (patch) => {
      const given = patch as Record<string, unknown>;
      if (Object.keys(given).some((key) => key !== 'max_concurrent_ice_agents'))
        throw new AppError('input_schema', 'unknown limit');
      return { max_concurrent_ice_agents: Number(given['max_concurrent_ice_agents']) };
    },
    capacity: () => ({ used: { ice_agents: 1 }, free: { ice_agents: 999 }, refusal: this.limits.refusal }),
  };

  #ask(method: keyof Tubes, ...args: readonly unknown[]): void {
    this.asked.push({ method, args });
    const code = this.failWith.get(method);
    this.failWith.delete(method);
    if (code !== undefined) throw new AppError(code);
  }

  calls(method: keyof Tubes): readonly (readonly unknown[])[] {
    return this.asked.filter((call) => call.method === method).map((call) => call.args);
  }

  async create(
    identity: TubeIdentity,
    settings: TubeSettings,
    offerSdp: string | null,
  ): Promise<{ generation: number; description: Description }> {
    this.#ask('create', identity, settings, offerSdp);
    this.add(identity, settings);
    try {
      await this.duringCreate(identity.tubeId);
    } catch (error) {
      this.views.delete(identity.tubeId);
      throw error;
    }
    const type = offerSdp === null ? 'offer' : 'answer';
    const description: Description = { type, sdp: fakeSdp(`${type} 1`) };
    if (type === 'offer') this.offers.set(identity.tubeId, { generation: 1, description, purpose: 'initial' });
    return { generation: 1, description };
  }

  add(identity: TubeIdentity, settings: TubeSettings = fakeSettings(true)): void {
    this.views.set(identity.tubeId, {
      identity,
      settings,
      state: 'connecting',
      transportState: 'new',
      generation: 1,
      activeGeneration: null,
      peerKind: 'plain',
      channels: [{ label: 'data', id: 2, class: 'reliable' }],
      incident: null,
      lastActivityAtMs: 1000,
    });
  }

  async remoteDescription(
    tubeId: string,
    description: Description,
    generation: number | null,
  ): Promise<{ generation: number; answer: Description | null }> {
    this.#ask('remoteDescription', tubeId, description, generation);
    this.offers.delete(tubeId);
    if (description.type === 'answer') return { generation: generation ?? 1, answer: null };
    return { generation: 2, answer: { type: 'answer', sdp: fakeSdp('answer 2') } };
  }

  async remoteCandidate(
    tubeId: string,
    candidate: string,
    mid: string,
    generation: number | null,
  ): Promise<{ generation: number }> {
    this.#ask('remoteCandidate', tubeId, candidate, mid, generation);
    return { generation: generation ?? 1 };
  }

  async restart(
    ...args: Parameters<Tubes['restart']>
  ): Promise<{ generation: number; description: Description; alreadyInProgress: boolean }> {
    this.#ask('restart', ...args);
    return { generation: 2, description: { type: 'offer', sdp: fakeSdp('offer 2') }, alreadyInProgress: false };
  }

  close(tubeId: string, reason: 'requested'): boolean {
    this.#ask('close', tubeId, reason);
    if (!this.views.has(tubeId)) return false;
    this.say(tubeId, { type: 'closed', reason });
    return true;
  }

  saved(): Promise<void> {
    this.#ask('saved');
    return Promise.resolve();
  }

  activity(tubeId: string): void {
    this.#ask('activity', tubeId);
  }

  peerReplaced(tubeId: string): void {
    this.#ask('peerReplaced', tubeId);
  }

  networkChanged(tubeIds: readonly string[], ...report: readonly unknown[]): number {
    this.#ask('networkChanged', tubeIds, ...report);
    return tubeIds.filter((tubeId) => this.views.has(tubeId)).length;
  }

  history(tubeId: string): ReturnType<Tubes['history']> {
    this.#ask('history', tubeId);
    return this.histories.get(tubeId) ?? { entries: [], dropped: 0 };
  }

  flight(tubeId: string): ReturnType<Tubes['flight']> {
    this.#ask('flight', tubeId);
    return this.flights.get(tubeId) ?? null;
  }

  followed(tubeId: string): void {
    this.#ask('followed', tubeId);
  }

  peerSignalling(tubeId: string, online: boolean): void {
    this.#ask('peerSignalling', tubeId, online);
  }

  pendingOffer(tubeId: string): PendingOffer | null {
    return this.offers.get(tubeId) ?? null;
  }

  view(tubeId: string): TubeView | null {
    return this.views.get(tubeId) ?? null;
  }

  list(): Iterable<TubeView> {
    return this.views.values();
  }

  async stats(tubeId: string): Promise<TubeStats | null> {
    this.#ask('stats', tubeId);
    return {
      bytesSent: 10,
      bytesReceived: 20,
      loss: this.loss,
      rttMs: 12,
      bufferedBytes: 0,
      messagesSent: 1,
      messagesReceived: 2,
      selectedPair: null,
      generations: [{ generation: 1, state: 'connected', active: true }],
      quality: {
        verdict: 'warning',
        scores: [1, 0.9],
        samples: [
          { lossRatio: 0, rttMs: 11.0049 },
          { lossRatio: 0.05, rttMs: null },
        ],
        limits: { poorScore: 0.7, poorLossRatio: 0.05, poorRttMs: 800, warnLossRatio: 0.03, warnRttMs: 300 },
      },
    };
  }

  send(tubeId: string, channel: string, data: string | Uint8Array): FailureCode | null {
    this.#ask('send', tubeId, channel, data);
    return this.sendFailure;
  }

  onNotice(listener: (notice: TubeNotice) => void): () => void {
    this.#notices.add(listener);
    return () => this.#notices.delete(listener);
  }

  onMessage(listener: (tubeId: string, channel: string, data: string | Uint8Array) => void): () => void {
    this.#messages.add(listener);
    return () => this.#messages.delete(listener);
  }

  iceServers(tubeId: string): readonly IceServer[] {
    const expiry = this.credentialsExpire;
    return [{ urls: ['turn:127.0.0.1:3478'], username: `${expiry}:${tubeId}`, credential: `SECRET-${expiry}` }];
  }

  /** The tube says something; its view follows. */
  say(tubeId: string, emission: TubeEmission): void {
    const view = this.views.get(tubeId);
    if (view === undefined) throw new Error(`no tube ${tubeId}`);
    const previousState: TubeState = view.state;
    if (emission.type === 'state') view.state = emission.state;
    if (emission.type === 'description') view.generation = emission.generation;
    if (emission.type === 'closed') this.views.delete(tubeId);
    const notice: TubeNotice = {
      identity: view.identity,
      generation: view.generation,
      atMs: Date.now(),
      previousState,
      emission,
    };
    for (const listener of this.#notices) listener(notice);
  }

  /** The peer sent application data. */
  receive(tubeId: string, channel: string, data: string | Uint8Array): void {
    for (const listener of this.#messages) listener(tubeId, channel, data);
  }
}
