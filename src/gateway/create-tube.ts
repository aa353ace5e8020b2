/**
 * `create_tube`: who the new tube is, its settings, its first description, and the two promises made about it: no signal of it is sent
 * before its acknowledgement, and a repeated call (same tenant, conversation and idempotency key) returns the same tube.
 */
import { randomUUID } from 'node:crypto';
import type { TubeIdentity } from '../../machines/events.js';
import { AppError } from '../errors.js';
import type { WireObject } from './answers.js';
import { sha256Hex, type PeerTokens } from './auth.js';
import type { CallResult } from './calls.js';
import type { Controller } from './controller.js';
import type { CreateTube } from './control-wire.js';
import type { SettingsRequest } from './gateway.port.js';
import type { SignalPublisher } from './publisher.js';
import type { Tubes } from './tubes.port.js';
import type { TubeSettings } from '../../machines/settings.js';
import { encodeBase64 } from './wire.js';

export interface CreatorOptions {
  readonly tubes: Tubes;
  readonly publisher: SignalPublisher;
  readonly peerTokens: PeerTokens;
  resolveSettings(request: SettingsRequest): TubeSettings;
  isDraining(): boolean;
}

interface Created {
  readonly tubeId: string;
  readonly generation: number;
  /** `{offer}` or `{answer}`, base64. */
  readonly description: WireObject;
}

interface Creation {
  readonly tubeId: string;
  /** Null: the process before this one made it, and its first description went with that. */
  readonly result: Promise<Created> | null;
}

interface Begun extends Creation {
  readonly result: Promise<Created>;
  /** Lets the signals of the tube out. */
  readonly release: () => void;
}

/** Of remembered creations: each holds one description, some kilobytes. */
const maxRemembered = 4096;

export class TubeCreator {
  readonly #options: CreatorOptions;
  /** By the digest of what makes a call the same. */
  readonly #byKey = new Map<string, Creation>();
  readonly #keys = new Map<string, string>();

  constructor(options: CreatorOptions) {
    this.#options = options;
  }

  async create(controller: Controller, call: CreateTube): Promise<CallResult> {
    const key =
      call.idempotencyKey === null
        ? null
        : sha256Hex(JSON.stringify([controller.tenant, call.conversationId, call.idempotencyKey]));
    const earlier = key === null ? undefined : this.#byKey.get(key);
    if (earlier !== undefined) return this.#repeat(controller, earlier);
    controller.requireRoom();
    const creation = this.#begin(controller.tenant, call, key);
    if (key !== null) this.#remember(key, creation);
    creation.result.catch(() => this.forget(creation.tubeId));
    const created = await creation.result;
    return {
      answer: this.#answer(created),
      afterAck: () => {
        controller.follow(created.tubeId);
        creation.release();
      },
    };
  }

  /** A tube of the process before this one. */
  carriedOn({ tubeId, creationDigest }: TubeIdentity): void {
    if (creationDigest !== undefined) this.#remember(creationDigest, { tubeId, result: null });
  }

  /** The tube is over: its key may make a new one. */
  forget(tubeId: string): void {
    const key = this.#keys.get(tubeId);
    if (key === undefined) return;
    this.#keys.delete(tubeId);
    this.#byKey.delete(key);
  }

  /** Throws before anything is kept when the call cannot be granted. */
  #begin(tenant: string, call: CreateTube, key: string | null): Begun {
    if (this.#options.isDraining()) throw new AppError('service_draining');
    const settings = this.#options.resolveSettings({
      profile: call.profile,
      settings: withoutKind(call.settings),
      trickleIce: call.trickleIce,
    });
    const tubeId = randomUUID();
    const { digest } = this.#options.peerTokens.issue(tubeId);
    const identity = {
      tubeId,
      conversationId: call.conversationId,
      tenant,
      peerTokenDigest: digest,
      createdAtMs: Date.now(),
      ...(key === null ? {} : { creationDigest: key }),
    };
    const release = this.#options.publisher.begin(identity);
    return { tubeId, release, result: this.#build(identity, settings, call.offer) };
  }

  async #build(identity: TubeIdentity, settings: TubeSettings, offer: string | null): Promise<Created> {
    const { tubes, publisher } = this.#options;
    const { tubeId } = identity;
    try {
      const { generation, description } = await tubes.create(identity, settings, offer);
      return { tubeId, generation, description: { [description.type]: encodeBase64(description.sdp) } };
    } catch (error) {
      publisher.discard(tubeId);
      throw error;
    }
  }

  #remember(key: string, creation: Creation): void {
    this.#byKey.set(key, creation);
    this.#keys.set(creation.tubeId, key);
    const oldest = this.#keys.size > maxRemembered ? this.#keys.keys().next().value : undefined;
    if (oldest !== undefined) this.forget(oldest);
  }

  async #repeat(controller: Controller, { tubeId, result }: Creation): Promise<CallResult> {
    if (result === null) return this.#repeatCarriedOn(controller, tubeId);
    const created = await result;
    return {
      answer: this.#answer(created),
      // The first answer may never have arrived, and then neither did the candidates that followed it.
      afterAck: () => {
        if (!controller.follow(created.tubeId)) return;
        controller.sendDirectly(this.#options.publisher.sentCandidateSignals(created.tubeId, created.generation));
      },
    };
  }

  /** With the offer that waits now, if one does; the next is told to whoever follows the tube. */
  #repeatCarriedOn(controller: Controller, tubeId: string): CallResult {
    const { tubes, peerTokens } = this.#options;
    const { identity, generation } = controller.require(tubeId);
    const pending = tubes.pendingOffer(tubeId);
    const { token, digest } = peerTokens.issue(tubeId);
    return {
      answer: {
        tube_id: tubeId,
        ...(pending === null ? {} : { offer: encodeBase64(pending.description.sdp) }),
        // A token of another secret than today's is only known to whoever was told it.
        ...(digest === identity.peerTokenDigest ? { peer_token: token } : {}),
        generation,
        ice_servers: tubes.iceServers(tubeId),
      },
      afterAck: () => void controller.follow(tubeId),
    };
  }

  #answer({ tubeId, generation, description }: Created): WireObject {
    const { tubes, peerTokens } = this.#options;
    const { token } = peerTokens.issue(tubeId);
    // Of a repeated call too: the credentials of the first may have expired.
    return { tube_id: tubeId, ...description, peer_token: token, generation, ice_servers: tubes.iceServers(tubeId) };
  }
}

/** `conversationType` chooses what a tube is for; everything else goes to the resolver. */
function withoutKind(settings: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { conversationType = 'message', ...rest } = settings;
  if (conversationType === 'tunnel') {
    throw new AppError(
      'input_schema',
      'settings.conversationType: "tunnel" is not available in this version; use "message"',
    );
  }
  if (conversationType !== 'message')
    throw new AppError('input_schema', 'settings.conversationType: expected "message"');
  return rest;
}
