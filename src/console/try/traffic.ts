/**
 * Steady traffic: one numbered message every 100 ms each way, on a channel of its own, and what became of them. A number that is skipped is lost;
 * one that comes after a higher one is out of order. DirectionMeter is pure; Traffic owns the timer.
 */
const intervalMs = 100;

/** One direction, counted at both ends. */
export class DirectionMeter {
  sent = 0;
  received = 0;
  lost = 0;
  outOfOrder = 0;
  #longestGapMs = 0;
  #highest = 0;
  /** Of the last arrival while traffic was on; null before the first. */
  #lastAtMs: number | null = null;

  get onTheWay(): number {
    return Math.max(0, this.sent - this.received - this.lost);
  }

  noteArrived(number: number, nowMs: number): void {
    this.received += 1;
    if (number > this.#highest) {
      this.lost += number - this.#highest - 1;
      this.#highest = number;
    } else {
      this.outOfOrder += 1;
      this.lost = Math.max(0, this.lost - 1);
    }
    this.#longestGapMs = this.longestGapMs(nowMs);
    this.#lastAtMs = nowMs;
  }

  /** The longest silence between two messages, the one that lasts right now included. */
  longestGapMs(nowMs: number): number {
    return Math.max(this.#longestGapMs, this.#lastAtMs === null ? 0 : nowMs - this.#lastAtMs);
  }

  /** Traffic stops on purpose: that silence counts for nothing. */
  pause(nowMs: number): void {
    this.#longestGapMs = this.longestGapMs(nowMs);
    this.#lastAtMs = null;
  }
}

/** Takes a number to the other side. False, or a rejection: it was not taken, and is offered again. */
export type SendNumber = (number: number) => boolean | Promise<boolean>;

export interface TrafficOptions {
  readonly now: () => number;
  readonly fromTab: SendNumber;
  readonly fromService: SendNumber;
}

export class Traffic {
  readonly fromTab = new DirectionMeter();
  readonly fromService = new DirectionMeter();
  readonly #options: TrafficOptions;
  #timer: number | null = null;
  /** A number of the service's that has not been acknowledged yet: the next one waits, so that none is skipped. */
  #asking = false;

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#timer !== null;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), intervalMs);
  }

  stop(): void {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    this.fromTab.pause(this.#options.now());
    this.fromService.pause(this.#options.now());
  }

  #tick(): void {
    if (this.#options.fromTab(this.fromTab.sent + 1) === true) this.fromTab.sent += 1;
    if (!this.#asking) void this.#tickService();
  }

  async #tickService(): Promise<void> {
    this.#asking = true;
    const number = this.fromService.sent + 1;
    // It may arrive before its acknowledgement does.
    this.fromService.sent = number;
    const taken = await Promise.resolve(this.#options.fromService(number)).catch(() => false);
    if (!taken) this.fromService.sent = number - 1;
    this.#asking = false;
  }
}
