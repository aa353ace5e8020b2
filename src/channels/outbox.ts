/**
 * What one channel has still to send or to hear acknowledged, in order: a queue whose entries carry consecutive sequence numbers, so that
 * a number is a position and renumbering costs nothing. No sending here; lane.ts drives it.
 */
import { frameHeaderBytes, serialAdd, serialDistance, unpackMessage, writeSeq } from './frame.js';

/** Charged for every entry besides its bytes, so that the byte cap also caps the number of empty messages. */
const entryOverheadBytes = 64;

/** Stands where a frame was, so that its memory is free before the array is cut. */
const released = new Uint8Array(0);

export const chargeOf = (messageBytes: number): number => messageBytes + frameHeaderBytes + entryOverheadBytes;

export class Outbox {
  private frames: Uint8Array[] = [];
  /** Index of the first live entry in `frames`; the part before it is cut off now and then. */
  private head = 0;
  /** Sequence number of the entry at `head`. */
  private base = 0;
  /** How many entries from `head` on went out on the current channel, and on any. */
  private sent = 0;
  private everSent = 0;
  private charged = 0;

  /** Memory in use, in bytes. */
  get bytes(): number {
    return this.charged;
  }

  get count(): number {
    return this.frames.length - this.head;
  }

  get unsent(): number {
    return this.count - this.sent;
  }

  /** Computed when asked: statistics are rare, messages are not. */
  get unsentBytes(): number {
    let bytes = 0;
    for (let index = this.head + this.sent; index < this.frames.length; index++) {
      bytes += (this.frames[index]?.length ?? frameHeaderBytes) - frameHeaderBytes;
    }
    return bytes;
  }

  push(frame: Uint8Array): void {
    this.frames.push(frame);
    this.charged += frame.length + entryOverheadBytes;
  }

  /** The next frame to send, numbered; null when there is none. It stays until it is acknowledged. */
  peek(): Uint8Array | null {
    const frame = this.frames[this.head + this.sent];
    return frame === undefined ? null : writeSeq(frame, serialAdd(this.base, this.sent));
  }

  /** The next message as the application gave it, for a peer that knows no frames. */
  peekRaw(): string | Uint8Array | null {
    const frame = this.frames[this.head + this.sent];
    return frame === undefined ? null : unpackMessage(frame);
  }

  /** The peeked entry is on its way. True when it had been sent before. */
  markSent(): boolean {
    this.sent += 1;
    const again = this.sent <= this.everSent;
    if (!again) this.everSent = this.sent;
    return again;
  }

  /** The oldest entry is done with, sent or not. */
  shift(): void {
    this.drop(1);
  }

  /** A cumulative acknowledgement: everything before `seq` arrived. False when it names what was never sent. */
  acknowledge(seq: number): boolean {
    const count = serialDistance(seq, this.base);
    if (count > this.everSent) return false;
    if (count > 0) this.drop(count);
    return true;
  }

  /** Everything unacknowledged is to be sent again, on another channel. */
  rewind(): void {
    this.sent = 0;
  }

  /** A restarted peer: numbers start again at 0. Entries of more than `maxMessageBytes` can never be sent to it; returns how many. */
  renumber(maxMessageBytes: number): number {
    const kept = this.frames.slice(this.head).filter((frame) => frame.length - frameHeaderBytes <= maxMessageBytes);
    const dropped = this.count - kept.length;
    this.frames = kept;
    this.head = this.base = this.sent = this.everSent = 0;
    this.charged = kept.reduce((sum, frame) => sum + frame.length + entryOverheadBytes, 0);
    return dropped;
  }

  clear(): void {
    this.frames = [];
    this.head = this.sent = this.everSent = this.charged = 0;
  }

  private drop(count: number): void {
    for (let index = this.head; index < this.head + count; index++) {
      this.charged -= (this.frames[index]?.length ?? 0) + entryOverheadBytes;
      this.frames[index] = released;
    }
    this.head += count;
    this.base = serialAdd(this.base, count);
    this.sent = Math.max(0, this.sent - count);
    this.everSent = Math.max(0, this.everSent - count);
    if (this.head >= 1024 && this.head * 2 >= this.frames.length) {
      this.frames = this.frames.slice(this.head);
      this.head = 0;
    }
  }
}
