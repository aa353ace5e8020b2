/**
 * How much of a connection's incoming data waits between native code and JavaScript. That queue has no bound of its own and SCTP feels nothing of
 * it, so a peer that sends faster than JavaScript takes it fills the memory (measured: 16-byte messages, 70 MB/s). native-connection.ts tells
 * it every message and closes the connection when it says so.
 */

/** What one waiting message is charged beside its bytes. More than it takes: with 512 a flood of 16-byte messages grew RSS by up to 120 MB more. */
const messageCostBytes = 2048;
/**
 * One connection may have this much waiting, charges included: more than a sender of 60 MB/s in messages of 16 KiB fills while the event loop stands
 * still for a second, and 40 000 messages of 16 bytes. In a flood of those on 2 cores RSS grew by 35 MB (bytes) to 180 MB (text).
 */
const maxReckonedBytes = 80 * 1024 * 1024;
/** All connections together; above it the worst of them goes. */
const maxProcessBytes = 256 * 1024 * 1024;
const checkEveryMessages = 256;
const checkEveryMs = 250;
/** The mean size is taken of about so many messages: a burst of small ones before a file must not make the file look small. */
const meanOverMessages = 4096;
/** Native code counts no bytes of an empty message, so only its rate is seen. No use for so many a second is known. */
const maxEmptyPerSecond = 20_000;

const watched = new Set<InboundBacklog>();
let processBytes = 0;

export class InboundBacklog {
  private handledBytes = 0;
  /** Of late, for the mean. */
  private recentBytes = 0;
  private recentMessages = 0;
  private untilCheck = checkEveryMessages;
  private reckonedBytes = 0;
  private empty = 0;
  private emptySinceMs = 0;
  /** A message came since the last look of the timer. */
  private stirred = false;
  private timer: NodeJS.Timeout | null = null;
  private over = false;

  /**
   * @param receivedBytes payload of all messages that native code has taken from the network
   * @param overwhelmed called once, when it is too much
   */
  constructor(
    private readonly receivedBytes: () => number,
    private readonly overwhelmed: () => void,
  ) {}

  /** JavaScript has this message, whatever it does with it. */
  handled(data: string | ArrayBufferView | ArrayBuffer): void {
    if (this.over) return;
    const bytes = sizeOf(data);
    this.handledBytes += bytes;
    this.recentBytes += bytes;
    this.recentMessages += 1;
    this.stirred = true;
    if (this.timer === null) this.watch();
    if (bytes === 0) this.noteEmpty();
    if (--this.untilCheck > 0) return;
    this.untilCheck = checkEveryMessages;
    this.check();
  }

  /** Idempotent; no timer is left. */
  stop(): void {
    this.over = true;
    this.idle();
  }

  private watch(): void {
    watched.add(this);
    this.timer = setInterval(() => this.look(), checkEveryMs).unref();
  }

  private look(): void {
    this.check();
    if (this.over) return;
    if (this.stirred) {
      this.stirred = false;
      return;
    }
    // After a pause of the whole event loop messages may be due: they come before the next immediate.
    setImmediate(() => {
      if (this.over || this.stirred) return;
      // Nothing waits: what the two counts differ by is what the library dropped by itself.
      this.handledBytes = this.receivedBytes();
      this.idle();
    }).unref();
  }

  private idle(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    watched.delete(this);
    this.reckon(0);
  }

  private check(): void {
    const received = this.receivedBytes();
    this.handledBytes = Math.min(this.handledBytes, received);
    this.reckon(this.costOf(received - this.handledBytes));
    if (this.recentMessages >= 2 * meanOverMessages) {
      this.recentMessages /= 2;
      this.recentBytes /= 2;
    }
    if (this.reckonedBytes > maxReckonedBytes) this.giveUp();
    else if (processBytes > maxProcessBytes) this.worst().giveUp();
  }

  /** Before enough messages showed how large they are, the bytes alone count. */
  private costOf(backlogBytes: number): number {
    if (this.recentMessages < meanOverMessages) return backlogBytes;
    const messages = backlogBytes / Math.max(1, this.recentBytes / this.recentMessages);
    return backlogBytes + messages * messageCostBytes;
  }

  private reckon(bytes: number): void {
    processBytes += bytes - this.reckonedBytes;
    this.reckonedBytes = bytes;
  }

  private noteEmpty(): void {
    const nowMs = performance.now();
    if (nowMs - this.emptySinceMs > 1000) {
      this.emptySinceMs = nowMs;
      this.empty = 0;
    }
    this.empty += 1;
    if (this.empty > maxEmptyPerSecond) this.giveUp();
  }

  private worst(): InboundBacklog {
    return [...watched].reduce<InboundBacklog>(
      (most, each) => (each.reckonedBytes > most.reckonedBytes ? each : most),
      this,
    );
  }

  private giveUp(): void {
    if (this.over) return;
    this.stop();
    this.overwhelmed();
  }
}

/**
 * As native code counts it. Bytes that are no UTF-8 came as U+FFFD, each of which would count three: it counts one, the least it can have been, for
 * too low a number is set right when the peer pauses, and too high a one would hide a flood.
 */
function sizeOf(data: string | ArrayBufferView | ArrayBuffer): number {
  if (typeof data !== 'string') return data.byteLength;
  const bytes = Buffer.byteLength(data);
  if (bytes === data.length || !data.includes('\uFFFD')) return bytes;
  return bytes - 2 * (data.split('\uFFFD').length - 1);
}
