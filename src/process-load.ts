/**
 * How busy this process is: event loop and memory, for `get_node`. Asking begins a new window once the present one is a minute old. What is measured
 * with keeps no process alive.
 */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { NodeView } from './operator/operator.types.js';

const resolutionMs = 20;
const windowMs = 60_000;

export class ProcessLoad {
  readonly #delays = monitorEventLoopDelay({ resolution: resolutionMs });
  #since = performance.eventLoopUtilization();
  #sinceMs = performance.now();

  constructor() {
    this.#delays.enable();
  }

  eventLoop(): NodeView['event_loop'] {
    const told = {
      p50_ms: this.#delayMs(50),
      p99_ms: this.#delayMs(99),
      utilization: performance.eventLoopUtilization(this.#since).utilization,
    };
    if (performance.now() - this.#sinceMs > windowMs) this.#begin();
    return told;
  }

  memory(): NodeView['memory'] {
    const { rss, heapUsed } = process.memoryUsage();
    return { rss_bytes: rss, heap_used_bytes: heapUsed };
  }

  #begin(): void {
    this.#delays.reset();
    this.#since = performance.eventLoopUtilization();
    this.#sinceMs = performance.now();
  }

  /** What is measured is the time between two ticks of a timer. */
  #delayMs(percentile: number): number {
    const ms = this.#delays.percentile(percentile) / 1e6 - resolutionMs;
    return Math.max(0, Math.round(ms * 100) / 100);
  }
}
