/**
 * What `SocketSignalling` still has to get across: messages stay here until the service has acknowledged them, so that those that were
 * written while the socket was down, or lost with it, are sent after reconnection. Bounded; pure bookkeeping, no socket and no clock.
 */
import type { OutgoingMessage } from './signalling.port.js';

/** Enough for the candidates of two generations; older candidates go first. */
const maxMessages = 128;

export interface OutboxEntry {
  readonly message: OutgoingMessage;
  /** Sends so far that the service refused as "later". */
  refusals: number;
  /** Given to the socket, or waiting for its retry: not to be sent again now. */
  busy: boolean;
  /** Some socket was given it. */
  wasSent: boolean;
}

export class Outbox {
  #entries: OutboxEntry[] = [];
  #dropped = 0;

  get dropped(): number {
    return this.#dropped;
  }

  get size(): number {
    return this.#entries.length;
  }

  add(message: OutgoingMessage): void {
    this.#entries = this.#entries.filter((entry) => !supersedes(message, entry.message));
    this.#entries.push({ message, refusals: 0, busy: false, wasSent: false });
    if (this.#entries.length > maxMessages) this.#dropOldestCandidate();
  }

  /** A new offer makes what belongs to older generations, and a request for a restart, pointless. */
  offerArrived(generation: number): void {
    this.#entries = this.#entries.filter(({ message }) => {
      if (message.event === 'restart_request') return false;
      return generationOf(message) === null || Number(generationOf(message)) >= generation;
    });
  }

  /** Entries that nobody is sending, oldest first. */
  waiting(): OutboxEntry[] {
    return this.#entries.filter((entry) => !entry.busy);
  }

  has(entry: OutboxEntry): boolean {
    return this.#entries.includes(entry);
  }

  done(entry: OutboxEntry): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
  }

  /** The socket is gone: nothing that it was given counts as sent. */
  release(): void {
    for (const entry of this.#entries) entry.busy = false;
  }

  clear(): void {
    this.#entries = [];
  }

  #dropOldestCandidate(): void {
    const oldest = this.#entries.findIndex(({ message }) => message.event === 'icecandidate');
    this.#entries.splice(Math.max(oldest, 0), 1);
    this.#dropped += 1;
  }
}

/** Only the newest answer, request and network change are worth sending, and no candidate of a generation before the answer's. */
function supersedes(newer: OutgoingMessage, older: OutgoingMessage): boolean {
  if (newer.event === 'icecandidate') return isSameCandidate(newer, older);
  if (newer.event === older.event) return true;
  return newer.event === 'answer' && older.event === 'icecandidate' && older.data.generation < newer.data.generation;
}

function isSameCandidate(newer: OutgoingMessage & { event: 'icecandidate' }, older: OutgoingMessage): boolean {
  return (
    older.event === 'icecandidate' &&
    older.data.generation === newer.data.generation &&
    older.data.candidate === newer.data.candidate
  );
}

function generationOf(message: OutgoingMessage): number | null {
  return message.event === 'answer' || message.event === 'icecandidate' ? message.data.generation : null;
}
