/**
 * How busy this process is: event loop and memory, for `get_node` and the metrics. Who asks, and how often, changes nothing of the answer: it is of a
 * window of 10 to 70 s, longer where nobody asks for longer. What is measured with keeps no process alive.
 */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { NodeView } from './operator/operator.types.js';

type EventLoop = NodeView['event_loop'];

const resolutionMs = 20;
/** Asking begins a new window once the present one is so old. */
const windowMs = 60_000;
/** Before a window is so old it says too little, and the one before it is told. */
const tellingMs = 10_000;

export class ProcessLoad {
  readonly #delays = monitorEventLoopDelay({ resolution: resolutionMs });
  readonly #monotonicMs: () => number;
  #since = performance.eventLoopUtilization();
  #sinceMs: number;
  /** Of the window before this one; null in the first. */
  #before: EventLoop | null = null;

  /** @param monotonicMs a clock that never goes back */
  constructor(monotonicMs: () => number = () => performance.now()) {
    this.#monotonicMs = monotonicMs;
    this.#sinceMs = monotonicMs();
    this.#delays.enable();
  }

  eventLoop(): EventLoop {
    const ageMs = this.#monotonicMs() - this.#sinceMs;
    if (this.#before !== null && ageMs < tellingMs) return this.#before;
    const told = {
      p50_ms: this.#delayMs(50),
      p99_ms: this.#delayMs(99),
      utilization: performance.eventLoopUtilization(this.#since).utilization,
    };
    if (ageMs > windowMs) this.#begin(told);
    return told;
  }

  memory(): NodeView['memory'] {
    const { rss, heapUsed } = process.memoryUsage();
    return { rss_bytes: rss, heap_used_bytes: heapUsed };
  }

  #begin(before: EventLoop): void {
    this.#before = before;
    this.#delays.reset();
    this.#since = performance.eventLoopUtilization();
    this.#sinceMs = this.#monotonicMs();
  }

  /** What is measured is the time between two ticks of a timer. */
  #delayMs(percentile: number): number {
    const ms = this.#delays.percentile(percentile) / 1e6 - resolutionMs;
    return Math.max(0, Math.round(ms * 100) / 100);
  }
}
