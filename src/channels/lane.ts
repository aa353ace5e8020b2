/**
 * One application channel of a tube across generations: what is queued, sent, acknowledged, received, and over which native channel. It knows
 * neither who activates generations nor what a label means; message-link.ts drives it.
 *
 * An **epoch** is one instance of the peer (its process or page). Sequence numbers live as long as an epoch. A native channel belongs to the
 * epoch in which it first showed life, so what a replaced peer still had on its way is taken as what it is, and never mixed up with its successor's.
 */
import type { FailureCode } from '../../machines/failure.js';
import type { Channel } from './connection.port.js';
import { ackFrame, byteLength, packMessage, readFrame, unpackMessage } from './frame.js';
import { type Epoch, Inbox } from './inbox.js';
import { chargeOf, Outbox } from './outbox.js';

/** Stop filling a native channel here where it does not say otherwise, and go on when it fell to a quarter. */
const defaultHighWaterBytes = 1024 * 1024;
const highWaterOf = ({ highWaterBytes }: Channel): number => highWaterBytes ?? defaultHighWaterBytes;

/**
 * usrsctp turns to another stream only when the stream that it is at runs empty, or has sent a message of one chunk: while one channel always has
 * larger messages waiting, all others stand still, pings for minutes (it locks on the stream in `sctp_ss_default_scheduled`, before the message that is
 * finished is taken off). An acknowledgement in between, which says nothing new, is such a message of one chunk.
 */
const maxChunkBytes = 1024;
const giveWayAfterBytes = 16 * 1024;

/** An acknowledgement is due after whichever comes first. */
const ackAfterMessages = 32;
const ackAfterBytes = 64 * 1024;
const ackAfterMs = 20;

/**
 * Why messages were not carried. `gap` and `malformed` came from the peer, the others are ours to send. `closed`: somebody closed the channel or the tube,
 * `given_up`: its tube ended though nobody wanted that.
 */
export type DropCause = 'overflow' | 'too_large' | 'closed' | 'given_up' | 'gap' | 'malformed';
/** The causes of an end. */
export type EndCause = Extract<DropCause, 'closed' | 'given_up'>;

/** What all lanes of a link share and only the link changes. */
export interface LaneContext {
  readonly epoch: Epoch;
  readonly activeGeneration: number | null;
  readonly held: boolean;
  /** What comes is neither delivered nor acknowledged. */
  readonly deaf: boolean;
  readonly maxMessageBytes: number;
  readonly replayBufferBytes: number;
  readonly dropAboveBufferedBytes: number;
  schedule(fn: () => void, delayMs: number): () => void;
  deliver(label: string, data: string | Uint8Array): void;
  dropped(label: string, cause: DropCause, count: number): void;
  replayed(label: string, count: number): void;
  /** A message went over a path, with its frame and each time that it did. */
  carried(direction: 'in' | 'out', bytes: number): void;
}

/** A native channel that serves a lane in one generation. */
export interface Attachment {
  readonly channel: Channel;
  epoch: Epoch | null;
  inbox: Inbox | null;
  open: boolean;
}

/** Messages and bytes are those of the application, without frames; replays do not count again. */
export interface LaneStats {
  readonly label: string;
  readonly class: 'reliable' | 'latest';
  readonly open: boolean;
  /** Waiting here or in the native channel. */
  readonly bufferedBytes: number;
  /** Memory of the queue, unacknowledged messages included. */
  readonly queuedBytes: number;
  readonly messagesSent: number;
  readonly bytesSent: number;
  readonly messagesReceived: number;
  readonly bytesReceived: number;
  readonly replayed: number;
  readonly duplicates: number;
  readonly dropped: Readonly<Record<DropCause, number>>;
}

export class Lane {
  private readonly attachments = new Map<number, Attachment>();
  private readonly outbox = new Outbox();
  private inbox: Inbox;
  /** The attachment that messages go out on; null when the active generation has none that is open. */
  private current: Attachment | null = null;
  /** Sent in large messages since the others had their turn. */
  private lumpBytes = 0;
  /** It has been open once: from then on messages wait for the next generation instead of being refused. */
  private established = false;
  private over = false;
  private messagesSent = 0;
  private bytesSent = 0;
  private messagesReceived = 0;
  private bytesReceived = 0;
  private replayed = 0;
  private duplicates = 0;
  private readonly drops: Record<DropCause, number> = {
    overflow: 0,
    too_large: 0,
    closed: 0,
    given_up: 0,
    gap: 0,
    malformed: 0,
  };

  constructor(
    readonly label: string,
    readonly kind: 'reliable' | 'latest',
    private readonly context: LaneContext,
  ) {
    this.inbox = new Inbox(context.epoch);
  }

  attach(generation: number, channel: Channel): Attachment {
    channel.setLowWaterBytes(highWaterOf(channel) / 4);
    const attachment: Attachment = { channel, epoch: null, inbox: null, open: false };
    this.attachments.set(generation, attachment);
    return attachment;
  }

  /** `only`: leave a younger attachment of the same generation alone. */
  detach(generation: number, only?: Attachment): void {
    const attachment = this.attachments.get(generation);
    if (attachment === undefined || (only !== undefined && attachment !== only)) return;
    this.attachments.delete(generation);
    this.select();
  }

  opened(attachment: Attachment): void {
    if (this.over) return;
    this.bind(attachment);
    attachment.open = true;
    this.established = true;
    this.select();
  }

  /** Null: accepted, which for a framed reliable channel means it will arrive as long as both sides live. */
  send(data: string | Uint8Array): FailureCode | null {
    const bytes = byteLength(data);
    if (bytes > this.context.maxMessageBytes) return 'channel_message_too_large';
    if (!this.established && !this.isOpening()) return 'channel_not_open';
    if (this.sendDirect(data, bytes)) return null;
    const full = this.outbox.count > 0 && this.outbox.bytes + chargeOf(bytes) > this.context.replayBufferBytes;
    if (this.kind === 'reliable' && full) return 'channel_full';
    this.outbox.push(packMessage(data));
    this.messagesSent += 1;
    this.bytesSent += bytes;
    this.pump();
    if (this.kind === 'latest') this.dropOldest();
    return null;
  }

  receive(attachment: Attachment, data: string | Uint8Array): void {
    if (this.over) return;
    const inbox = this.bind(attachment);
    const isRaw = inbox.epoch.instance === null;
    const frame = isRaw ? null : readFrame(data);
    if (frame?.kind === 'ack') return this.acknowledged(inbox, frame.seq);
    this.context.carried('in', byteLength(data));
    if (this.context.deaf) return;
    if (isRaw) this.handOver(data);
    else if (frame === null) this.drop('malformed', 1);
    else if (this.kind === 'latest') this.handOver(unpackMessage(data as Uint8Array));
    else this.receiveNumbered(inbox, frame.seq, data as Uint8Array);
  }

  /** The active generation, the epoch or a channel changed: find out what to send on, and repeat on it what the other side may lack. */
  select(): void {
    const candidate =
      this.context.activeGeneration === null ? undefined : this.attachments.get(this.context.activeGeneration);
    const usable = candidate?.open === true && candidate.epoch === this.context.epoch ? candidate : null;
    if (usable !== this.current) {
      this.current = usable;
      this.outbox.rewind();
      if (usable !== null && this.inbox.expected !== 0) this.sendAck();
    }
    this.pump();
  }

  /** The peer was replaced by another instance: numbers start again in both directions. */
  rebase(): void {
    this.inbox.cancelTimer?.();
    this.inbox = new Inbox(this.context.epoch);
    this.dropTooLarge();
    this.select();
  }

  /** What the peer can never take must not stand in the way of the rest. Numbers start again: for a new epoch, or a plain peer. */
  dropTooLarge(): void {
    const tooLarge = this.outbox.renumber(this.context.maxMessageBytes);
    if (tooLarge > 0) this.drop('too_large', tooLarge);
  }

  /** Its native channel of that generation holds back what it was given. */
  isFull(generation: number): boolean {
    const attachment = this.attachments.get(generation);
    return attachment !== undefined && attachment.channel.bufferedBytes() > 0;
  }

  /** A generation younger than this one has a channel for it. */
  isServedAfter(generation: number): boolean {
    return [...this.attachments.keys()].some((other) => other > generation);
  }

  pump(): void {
    const channel = this.current?.channel;
    if (channel === undefined || this.context.held) return;
    const retained = this.kind === 'reliable' && this.context.epoch.instance !== null;
    const replayedBefore = this.replayed;
    while (this.outbox.unsent > 0 && channel.bufferedBytes() < highWaterOf(channel)) {
      const next = this.context.epoch.instance === null ? this.outbox.peekRaw() : this.outbox.peek();
      // Refused although it is open: it is closing. The next generation takes over.
      if (next === null || !channel.send(next)) break;
      if (!retained) this.outbox.shift();
      else if (this.outbox.markSent()) this.replayed += 1;
      const bytes = byteLength(next);
      this.context.carried('out', bytes);
      this.giveWay(bytes);
    }
    if (this.replayed > replayedBefore) this.context.replayed(this.label, this.replayed - replayedBefore);
  }

  /** To the other channels, every so many bytes. A plain peer would take it for a message of the application. */
  private giveWay(sentBytes: number): void {
    if (this.context.epoch.instance === null) return;
    this.lumpBytes = sentBytes > maxChunkBytes ? this.lumpBytes + sentBytes : 0;
    if (this.lumpBytes >= giveWayAfterBytes) this.sendAck();
  }

  /** Nothing is sent, received or acknowledged any more; what still waits is counted as dropped. */
  close(cause: EndCause): void {
    this.over = true;
    this.inbox.cancelTimer?.();
    this.inbox.cancelTimer = null;
    if (this.outbox.count > 0) this.drop(cause, this.outbox.count);
    this.outbox.clear();
    this.attachments.clear();
    this.current = null;
  }

  /** Messages have a channel to go out on. */
  get isOpen(): boolean {
    return this.current?.channel.isOpen() ?? false;
  }

  /** Waiting here or in the native channel. */
  get bufferedBytes(): number {
    return this.outbox.unsentBytes + (this.current?.channel.bufferedBytes() ?? 0);
  }

  stats(): LaneStats {
    return {
      label: this.label,
      class: this.kind,
      open: this.isOpen,
      bufferedBytes: this.bufferedBytes,
      queuedBytes: this.outbox.bytes,
      messagesSent: this.messagesSent,
      bytesSent: this.bytesSent,
      messagesReceived: this.messagesReceived,
      bytesReceived: this.bytesReceived,
      replayed: this.replayed,
      duplicates: this.duplicates,
      dropped: { ...this.drops },
    };
  }

  /** Plain peers, nothing waiting: no frame, no copy. */
  private sendDirect(data: string | Uint8Array, bytes: number): boolean {
    const { current, context } = this;
    if (current === null || context.held || context.epoch.instance !== null || this.outbox.count > 0) return false;
    if (current.channel.bufferedBytes() >= highWaterOf(current.channel) || !current.channel.send(data)) return false;
    this.messagesSent += 1;
    this.bytesSent += bytes;
    this.context.carried('out', bytes);
    return true;
  }

  /** The path is there and the channel follows within a round trip: messages wait for it. */
  private isOpening(): boolean {
    return this.context.activeGeneration !== null && this.attachments.has(this.context.activeGeneration);
  }

  private bind(attachment: Attachment): Inbox {
    attachment.epoch ??= this.context.epoch;
    attachment.inbox ??= this.inbox;
    return attachment.inbox;
  }

  /** Strictly in order. */
  private receiveNumbered(inbox: Inbox, seq: number, frame: Uint8Array): void {
    const verdict = inbox.take(seq, frame, this.context.replayBufferBytes);
    if (verdict === 'gap') this.drop('gap', 1);
    if (verdict === 'duplicate') {
      this.duplicates += 1;
      // Whoever repeats has not heard us.
      this.noteUnacked(inbox, frame.length);
    }
    if (verdict !== 'due') return;
    for (let next: Uint8Array | undefined = frame; next !== undefined && !this.over; next = inbox.next()) {
      this.noteUnacked(inbox, next.length);
      this.handOver(unpackMessage(next));
    }
  }

  private noteUnacked(inbox: Inbox, bytes: number): void {
    inbox.unackedMessages += 1;
    inbox.unackedBytes += bytes;
    if (inbox !== this.inbox) return;
    if (inbox.unackedMessages >= ackAfterMessages || inbox.unackedBytes >= ackAfterBytes) this.sendAck();
    else inbox.cancelTimer ??= this.context.schedule(() => this.sendAck(), ackAfterMs);
  }

  /** When it cannot be sent now it is not lost: the next message, or the next activation, sends a later one. */
  private sendAck(): void {
    const inbox = this.inbox;
    inbox.cancelTimer?.();
    inbox.cancelTimer = null;
    if (this.current === null || !this.current.channel.send(ackFrame(inbox.expected))) return;
    inbox.unackedMessages = 0;
    inbox.unackedBytes = 0;
    this.lumpBytes = 0;
  }

  private acknowledged(inbox: Inbox, seq: number): void {
    // Numbers of a peer that was replaced mean nothing any more, and `latest` messages have none.
    if (inbox !== this.inbox || this.kind === 'latest') return;
    if (!this.outbox.acknowledge(seq)) this.drop('malformed', 1);
    this.pump();
  }

  private handOver(data: string | Uint8Array): void {
    this.messagesReceived += 1;
    this.bytesReceived += byteLength(data);
    this.context.deliver(this.label, data);
  }

  private dropOldest(): void {
    let count = 0;
    while (this.outbox.bytes > this.context.dropAboveBufferedBytes && this.outbox.count > 1) {
      this.outbox.shift();
      count += 1;
    }
    if (count > 0) this.drop('overflow', count);
  }

  private drop(cause: DropCause, count: number): void {
    this.drops[cause] += count;
    this.context.dropped(this.label, cause, count);
  }
}
