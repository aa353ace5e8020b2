/** How busy the service's process is, sampled over a run; and whether that is too much (the issue: never saturated for over 2 s). */
import { cpus } from 'node:os';
import type { ServiceProcess } from './service-process.js';

const sampleEveryMs = 250;
/** Of one core, for the thread that runs JavaScript: above it the service does nothing in time. */
const saturatedRatio = 0.95;
const longestSaturationMs = 2000;

interface Sample {
  readonly atMs: number;
  readonly lastedMs: number;
  /** Of one core. */
  readonly main: number;
  /** Of all cores. */
  readonly process: number;
}

export interface CpuUsage {
  /** The busier of the main thread (of one core) and the process (of all cores). */
  readonly peakRatio: number;
  /** The longest time without a pause. */
  readonly saturatedMs: number;
}

export class CpuSampler {
  readonly #samples: Sample[] = [];
  #timer: NodeJS.Timeout | null = null;

  start(service: ServiceProcess): void {
    this.stop();
    this.#samples.length = 0;
    let last: { process: number; main: number; atMs: number } | null = null;
    const sample = (): void => {
      const used = service.cpuSeconds();
      if (used === null) return void (last = null);
      const now = { ...used, atMs: performance.timeOrigin + performance.now() };
      if (last !== null && now.atMs > last.atMs) {
        const lastedMs = now.atMs - last.atMs;
        const share = (seconds: number): number => (seconds * 1000) / lastedMs;
        this.#samples.push({
          atMs: now.atMs,
          lastedMs,
          main: share(now.main - last.main),
          process: share(now.process - last.process) / cpus().length,
        });
      }
      last = now;
    };
    this.#timer = setInterval(sample, sampleEveryMs);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  since(fromMs: number): CpuUsage {
    let peakRatio = 0;
    let saturatedMs = 0;
    let runMs = 0;
    for (const { atMs, lastedMs, main, process } of this.#samples) {
      if (atMs < fromMs) continue;
      const ratio = Math.max(main, process);
      peakRatio = Math.max(peakRatio, ratio);
      runMs = ratio >= saturatedRatio ? runMs + lastedMs : 0;
      saturatedMs = Math.max(saturatedMs, runMs);
    }
    return { peakRatio, saturatedMs };
  }
}

export const cpuFaults = ({ saturatedMs }: CpuUsage): string[] =>
  saturatedMs > longestSaturationMs ? [`CPU of the service saturated for ${(saturatedMs / 1000).toFixed(1)} s`] : [];
