/**
 * All application channels of one tube across its generations, on the service and in the peer library alike: it frames, orders, holds, replays
 * and acknowledges (lane.ts, per label), receives on every attached generation and sends on the active one only. It opens no channels, knows no
 * tube and has no clock: TransportHost (service) or the peer's connection drives it.
 */
import type { FailureCode } from '../../machines/failure.js';
import type { ChannelClass } from '../../machines/settings.js';
import type { Channel, ChannelHandlers } from './connection.port.js';
import { frameHeaderBytes } from './frame.js';
import type { Epoch } from './inbox.js';
import { type DropCause, type EndCause, Lane, type LaneContext, type LaneStats } from './lane.js';

export interface MessageLinkOptions {
  /** Largest application message, in bytes of UTF-8 or binary. */
  readonly maxMessageBytes: number;
  /** Unsent and unacknowledged messages of one reliable channel; above it `send` says `channel_full`. */
  readonly replayBufferBytes: number;
  /** Unsent messages of one `latest` channel; above it the oldest are dropped. */
  readonly dropAboveBufferedBytes: number;
  /** Runs `fn` once after `delayMs`; the returned function cancels. */
  schedule(fn: () => void, delayMs: number): () => void;
  /** A message from the peer. It may call `send`; it must not throw. */
  deliver(label: string, data: string | Uint8Array): void;
  dropped?(label: string, cause: DropCause, count: number): void;
  /** Sent once more, on another channel than before. */
  replayed?(label: string, count: number): void;
  /** A message went over a path, with its frame and each time that it did; acknowledgements are none. */
  carried?(direction: 'in' | 'out', bytes: number): void;
}

export class MessageLink {
  private readonly lanes = new Map<string, Lane>();
  private readonly context: { -readonly [Key in keyof LaneContext]: LaneContext[Key] };
  private readonly ownMaxMessageBytes: number;

  constructor(options: MessageLinkOptions) {
    this.ownMaxMessageBytes = options.maxMessageBytes;
    const epoch: Epoch = { instance: null };
    this.context = {
      epoch,
      activeGeneration: null,
      held: false,
      deaf: false,
      maxMessageBytes: options.maxMessageBytes,
      replayBufferBytes: options.replayBufferBytes,
      dropAboveBufferedBytes: options.dropAboveBufferedBytes,
      schedule: (fn, delayMs) => options.schedule(fn, delayMs),
      deliver: (label, data) => options.deliver(label, data),
      dropped: (label, cause, count) => options.dropped?.(label, cause, count),
      replayed: (label, count) => options.replayed?.(label, count),
      carried: (direction, bytes) => options.carried?.(direction, bytes),
    };
  }

  /**
   * Who the peer is: null = plain (raw messages), else the instance of our own kind (frames). A changed instance starts the sequence numbers of
   * both directions again; what it had not acknowledged is renumbered. To be called before channels of its generation carry data.
   * @param maxMessageBytes the largest SCTP message it takes (`a=max-message-size`, RFC 8841 §6); Infinity when it says 0
   */
  setRemote(instance: string | null, maxMessageBytes = Infinity): void {
    const header = instance === null ? 0 : frameHeaderBytes;
    this.context.maxMessageBytes = Math.max(0, Math.min(this.ownMaxMessageBytes, maxMessageBytes - header));
    if (instance !== this.context.epoch.instance) this.begin(instance);
    // Two plain peers in a row look the same, and the second may take less.
    else if (instance === null) for (const lane of this.lanes.values()) lane.dropTooLarge();
  }

  /** The instance that the numbers of this side belong to; null when it is plain or nobody yet. */
  get remote(): string | null {
    return this.context.epoch.instance;
  }

  /** The other side has forgotten our numbers though it is the same: they start again, and what it has not acknowledged is renumbered. */
  renumber(): void {
    this.begin(this.context.epoch.instance);
  }

  private begin(instance: string | null): void {
    this.context.epoch = { instance };
    for (const lane of this.lanes.values()) lane.rebase();
  }

  /**
   * Puts a native channel at the service of `label`; the returned handlers are those of the channel. The number of labels is the caller's to
   * bound: each keeps its queue until `remove`. Its class is that of its first channel.
   */
  attach(generation: number, label: string, channel: Channel, kind: ChannelClass = channel.class): ChannelHandlers {
    const lane = this.lanes.get(label) ?? new Lane(label, kind, this.context);
    this.lanes.set(label, lane);
    const attachment = lane.attach(generation, channel);
    return {
      open: () => lane.opened(attachment),
      closed: () => lane.detach(generation, attachment),
      message: (data) => lane.receive(attachment, data),
      drained: () => lane.pump(),
    };
  }

  /** The generation is gone; what it had not carried waits for the next. */
  detach(generation: number): void {
    if (this.context.activeGeneration === generation) this.context.activeGeneration = null;
    for (const lane of this.lanes.values()) lane.detach(generation);
  }

  /** The cut-over: from now on everything goes out over this generation, beginning with what is unacknowledged. Ends a hold. */
  activate(generation: number): void {
    this.context.activeGeneration = generation;
    this.context.held = false;
    for (const lane of this.lanes.values()) lane.select();
  }

  /** Keeps outgoing messages in order: between a re-offer and the new generation a plain peer drops what comes over the old one. */
  hold(): void {
    this.context.held = true;
  }

  release(): void {
    this.context.held = false;
    for (const lane of this.lanes.values()) lane.pump();
  }

  /**
   * For good: what comes from now on is neither delivered nor acknowledged, so that our library keeps it for whoever carries the tube on. What is on
   * its way to the peer goes on.
   */
  deafen(): void {
    this.context.deaf = true;
  }

  /** Nothing waits to be sent or, by our library, to be acknowledged. */
  get isSettled(): boolean {
    return this.stats().every(({ queuedBytes, bufferedBytes }) => queuedBytes === 0 && bufferedBytes === 0);
  }

  /** @returns null when accepted, else `channel_unknown`, `channel_not_open`, `channel_full` or `channel_message_too_large` */
  send(label: string, data: string | Uint8Array): FailureCode | null {
    return this.lanes.get(label)?.send(data) ?? (this.lanes.has(label) ? null : 'channel_unknown');
  }

  /** A native channel of that generation cannot take more now: what is sent waits behind what was sent. */
  isFull(generation: number): boolean {
    return [...this.lanes.values()].some((lane) => lane.isFull(generation));
  }

  /** The generation that sends; null while there is none. */
  get active(): number | null {
    return this.context.activeGeneration;
  }

  /** A generation younger than this one has a channel of that label. */
  isServedAfter(label: string, generation: number): boolean {
    return this.lanes.get(label)?.isServedAfter(generation) ?? false;
  }

  /** Null for a label that is not known. */
  classOf(label: string): LaneStats['class'] | null {
    return this.lanes.get(label)?.kind ?? null;
  }

  /** The peer gave the channel up for good: its queue is dropped and its label is free again. */
  remove(label: string): void {
    this.lanes.get(label)?.close('closed');
    this.lanes.delete(label);
  }

  /** Idempotent; nothing runs afterwards. */
  close(cause: EndCause = 'closed'): void {
    for (const lane of this.lanes.values()) lane.close(cause);
    this.lanes.clear();
  }

  /** Every application channel, to be looked at. */
  all(): Iterable<Pick<Lane, 'kind' | 'isOpen' | 'bufferedBytes'>> {
    return this.lanes.values();
  }

  stats(): LaneStats[] {
    return [...this.lanes.values()].map((lane) => lane.stats());
  }
}
