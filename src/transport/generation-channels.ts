/**
 * The data channels of one generation: which are opened how, which label each has, and what to do when the peer closes one. Messages pass through to
 * the MessageLink; the control and the probe channel never reach it. Driven by generation.ts.
 */
import type { ChannelRecord, PeerKind } from '../../machines/ports/transport.port.js';
import type { ChannelClass, ChannelSpec } from '../../machines/settings.js';
import type { Channel, ChannelHandlers, Connection } from '../channels/connection.port.js';
import type { MessageLink } from '../channels/message-link.js';
import { controlLabel, isOwnLabel, probeLabel } from '../channels/wire.js';
import type { TubeFacts } from './generation.types.js';
import type { TransportCounter } from './transport-observer.js';

/** Channels that the peer may have opened in one tube. */
const maxPeerChannels = 32;
/** They travel in SDP lines of bounded length (wire.ts). */
const maxLabelLength = 128;
/** When a connection ends its channels close first: only a channel that is still missing this long after was closed by itself. */
const closeConfirmMs = 250;
/** A page that closes its channel on purpose must not be argued with for ever. */
const maxReopens = 8;

/** How the channels of a generation come to be. */
export type ChannelPlan =
  /** By stream id, known to both sides beforehand. */
  | { readonly kind: 'negotiated'; readonly channels: readonly ChannelRecord[] }
  /** By us, `control` first. */
  | { readonly kind: 'inBand' }
  /** `control` by us; the settings' channels when it is open, unless the peer has opened them itself. */
  | { readonly kind: 'inBandLate' };

/** What the channels need from their generation. */
export interface ChannelOwner {
  readonly generation: number;
  readonly link: MessageLink;
  readonly specs: readonly ChannelSpec[];
  readonly facts: Pick<TubeFacts, 'peerLabels' | 'prunePeerLabels'>;
  connection(): Connection;
  peerKind(): PeerKind;
  /** The peer said that it answers probes. */
  peerTakesProbes(): boolean;
  /** Closing or closed, by us or by itself. */
  hasEnded(): boolean;
  schedule(fn: () => void, delayMs: number): () => void;
  opened(channel: ChannelRecord): void;
  closed(label: string, id: number, reason: string): void;
  controlOpened(): void;
  /** On the control or the probe channel. */
  ownMessage(channel: Channel, data: string | Uint8Array): void;
  dataMessage(handlers: ChannelHandlers, data: string | Uint8Array): void;
  /** What waited on a channel has left: the peer acknowledged what was sent before it. */
  drained(): void;
  count(counter: TransportCounter): void;
}

interface Slot {
  readonly label: string;
  readonly class: ChannelClass;
  channel: Channel | null;
  inner: ChannelHandlers | null;
  record: ChannelRecord | null;
}

export class GenerationChannels {
  private readonly slots = new Map<string, Slot>();
  private readonly reopens = new Map<string, number>();
  private late: readonly ChannelSpec[] = [];

  constructor(private readonly owner: ChannelOwner) {}

  /** @throws Error when the connection refuses a channel */
  openPlanned(plan: ChannelPlan): void {
    if (plan.kind === 'negotiated') {
      for (const { label, id, class: kind } of plan.channels) {
        if (!this.slots.has(label) && this.claim(label)) this.open(label, kind, id);
      }
      if (!this.slots.has(controlLabel)) this.open(controlLabel, 'reliable', null);
      return;
    }
    this.open(controlLabel, 'reliable', null);
    if (plan.kind === 'inBandLate') this.late = this.owner.specs;
    else this.openMissing(this.owner.specs);
  }

  /** The peer opened a channel in-band. @returns null when it may not */
  remote(channel: Channel): ChannelHandlers | null {
    const label = channel.label === probeLabel ? null : this.labelFor(channel);
    if (label === null) {
      this.owner.count('channel_refused');
      return null;
    }
    const spec = this.owner.specs.find((candidate) => candidate.label === label);
    const slot = this.slot(label, spec?.class ?? channel.class);
    this.bind(slot, channel);
    return this.handlers(slot);
  }

  /** The open control channel. */
  control(): Channel | null {
    return this.openOf(controlLabel);
  }

  /** The open probe channel. */
  probe(): Channel | null {
    return this.openOf(probeLabel);
  }

  has(label: string): boolean {
    return this.slots.has(label);
  }

  /** Open channels, for whoever takes the generation over. */
  records(): ChannelRecord[] {
    return [...this.slots.values()].flatMap(({ record }) => (record === null ? [] : [record]));
  }

  /** Open ones and those on their way, as soon as their stream ids are settled. */
  planned(): ChannelRecord[] {
    return [...this.slots.values()].flatMap(({ label, class: kind, channel }) => {
      const id = channel?.id() ?? null;
      return id === null ? [] : [{ label, id, class: kind }];
    });
  }

  private openOf(label: string): Channel | null {
    const channel = this.slots.get(label)?.channel ?? null;
    return channel?.isOpen() === true ? channel : null;
  }

  private openMissing(specs: readonly ChannelSpec[]): void {
    for (const { label, class: kind } of specs) {
      if (!this.slots.has(label)) this.open(label, kind, null);
    }
  }

  private open(label: string, kind: ChannelClass, negotiatedId: number | null): void {
    const slot = this.slot(label, kind);
    this.bind(slot, this.owner.connection().createChannel({ label, class: kind, negotiatedId }, this.handlers(slot)));
  }

  private slot(label: string, kind: ChannelClass): Slot {
    const slot: Slot = { label, class: kind, channel: null, inner: null, record: null };
    this.slots.set(label, slot);
    return slot;
  }

  private bind(slot: Slot, channel: Channel): void {
    slot.channel = channel;
    if (!isOwnLabel(slot.label)) {
      slot.inner = this.owner.link.attach(this.owner.generation, slot.label, channel, slot.class);
    }
  }

  private handlers(slot: Slot): ChannelHandlers {
    return {
      open: () => this.opened(slot),
      closed: () => this.closed(slot),
      message: (data) => this.message(slot, data),
      drained: () => this.drained(slot),
    };
  }

  /** Null: refused. */
  private labelFor(channel: Channel): string | null {
    const wanted =
      channel.label === '' || this.slots.has(channel.label) ? `${channel.label}#${channel.id() ?? ''}` : channel.label;
    if (wanted.length > maxLabelLength || this.slots.has(wanted)) return null;
    return this.claim(wanted) ? wanted : null;
  }

  /** False when the peer has as many channels as it may. */
  private claim(label: string): boolean {
    const { facts, specs } = this.owner;
    const { peerLabels } = facts;
    if (isOwnLabel(label) || peerLabels.has(label) || specs.some((spec) => spec.label === label)) return true;
    if (peerLabels.size >= maxPeerChannels) facts.prunePeerLabels();
    if (peerLabels.size >= maxPeerChannels) return false;
    peerLabels.add(label);
    return true;
  }

  private opened(slot: Slot): void {
    const id = slot.channel?.id();
    if (id === undefined || id === null || this.owner.hasEnded()) return;
    slot.record = { label: slot.label, id, class: slot.class };
    slot.inner?.open();
    this.owner.opened(slot.record);
    if (slot.label !== controlLabel || this.slots.get(controlLabel) !== slot) return;
    const late = this.late;
    this.late = [];
    this.openMissing(late);
    this.owner.controlOpened();
    if (this.owner.peerTakesProbes() && !this.slots.has(probeLabel)) this.open(probeLabel, 'latest', null);
  }

  private message(slot: Slot, data: string | Uint8Array): void {
    const { inner, channel } = slot;
    if (inner !== null) this.owner.dataMessage(inner, data);
    else if (channel !== null) this.owner.ownMessage(channel, data);
  }

  /**
   * Room comes by acknowledgements, and by giving up what is not repeated: where a `latest` channel shares the connection, room alone proves nothing.
   */
  private drained(slot: Slot): void {
    slot.inner?.drained();
    const shared = [...this.slots.values()].some(({ inner, class: kind }) => inner !== null && kind === 'latest');
    if (slot.inner !== null && !shared) this.owner.drained();
  }

  private closed(slot: Slot): void {
    slot.inner?.closed();
    const { record } = slot;
    slot.record = null;
    if (this.slots.get(slot.label) === slot) this.slots.delete(slot.label);
    if (record === null || this.owner.hasEnded()) return;
    this.owner.schedule(() => this.confirmClosed(slot, record), closeConfirmMs);
  }

  private confirmClosed(slot: Slot, record: ChannelRecord): void {
    const { link, generation } = this.owner;
    if (this.owner.hasEnded() || this.owner.connection().state() !== 'connected') return;
    const isPending = link.active !== null && link.active < generation;
    if (!isPending && !link.isServedAfter(slot.label, generation)) return this.givenUp(slot, record);
    // The tube still has it in another generation, and which one it goes on with is not settled: asked again until it is, or until our end.
    if (isPending && this.hasAgain(slot)) return;
    this.owner.schedule(() => this.confirmClosed(slot, record), closeConfirmMs);
  }

  private givenUp(slot: Slot, record: ChannelRecord): void {
    // Given up already, in a younger generation.
    if (slot.inner !== null && this.owner.link.classOf(slot.label) === null) return;
    this.owner.closed(record.label, record.id, 'closed by the peer');
    this.owner.count('channel_closed_by_peer');
    if (this.hasAgain(slot)) return;
    this.owner.facts.peerLabels.delete(slot.label);
    this.owner.link.remove(slot.label);
  }

  /** The peer itself opened it again meanwhile, or we do. */
  private hasAgain(slot: Slot): boolean {
    if (this.slots.has(slot.label)) return true;
    const reopens = this.reopens.get(slot.label) ?? 0;
    if (this.owner.peerKind() !== 'plain' || reopens >= maxReopens) return false;
    this.reopens.set(slot.label, reopens + 1);
    this.open(slot.label, slot.class, null);
    return true;
  }
}
