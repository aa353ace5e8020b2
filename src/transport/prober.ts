/**
 * Measures loss of one generation, each direction for itself, and round-trip times, by bursts of numbered probes on an unordered channel without
 * retransmission: SCTP hides on the other channels what the network loses. In bursts, because the radio of a phone sleeps in between. It judges
 * nothing (machines/health.machine.ts does) and owns no channel; generation.ts drives it.
 */
import type { ProbeCounts } from '../../machines/policies/loss.js';
import type { Channel } from '../channels/connection.port.js';
import { encodeControl } from '../channels/wire.js';

/**
 * So many prove 25 % loss in every one of 5000 bursts, and take 5 % for more in one of 120. Fewer would do worse at both.
 */
const probesPerBurst = 100;
const everyMs = 20;
/** The last echoes are waited for twice as long as the slowest took. */
const minTailMs = 500;
const maxTailMs = 2000;
/** Where data of ours fills the path: echoes that come late then are not lost. */
const fullTailMs = 10_000;

/** What one burst found. */
export interface ProbeReport extends ProbeCounts {
  /** The median; null when no echo came. */
  readonly rttMs: number | null;
  /** The mean difference from one echo's time to the next one's. */
  readonly jitterMs: number | null;
}

export interface ProberOwner {
  /** The open probe channel; null when there is none, or when its peer answers no probes. */
  channel(): Channel | null;
  monotonicMs(): number;
  schedule(fn: () => void, delayMs: number): () => void;
}

type Done = (report: ProbeReport | null) => void;

interface Burst {
  readonly number: number;
  readonly sentAtMs: Map<number, number>;
  readonly rttsMs: number[];
  readonly done: Done;
  ticks: number;
  /** A probe had to wait for the one before it to leave. */
  heldUp: boolean;
  sent: number;
  arrived: number;
  cancel: () => void;
}

export class Prober {
  /** Of the last burst that was answered, however badly; null before. */
  last: ProbeReport | null = null;
  private bursts = 0;
  private current: Burst | null = null;

  constructor(private readonly owner: ProberOwner) {}

  get isRunning(): boolean {
    return this.current !== null;
  }

  /**
   * Makes a burst. Only when none is running.
   * @param done called once, after 2 to 4 s, on a full path at most 12 s: null when there was nobody to probe, or the channel went away meanwhile
   */
  run(done: Done): void {
    if (this.owner.channel() === null) return done(null);
    this.bursts += 1;
    const burst: Burst = {
      number: this.bursts,
      sentAtMs: new Map(),
      rttsMs: [],
      done,
      ticks: 0,
      heldUp: false,
      sent: 0,
      arrived: 0,
      cancel: () => undefined,
    };
    this.current = burst;
    this.tick(burst);
  }

  /** An echo came. One of an older burst says nothing any more. */
  echoed(echo: { readonly burst: number; readonly index: number; readonly received: number }): void {
    const burst = this.current;
    const sentAtMs = burst?.sentAtMs.get(echo.index);
    if (burst === null || echo.burst !== burst.number || sentAtMs === undefined) return;
    burst.sentAtMs.delete(echo.index);
    burst.rttsMs.push(this.owner.monotonicMs() - sentAtMs);
    burst.arrived = Math.max(burst.arrived, echo.received);
    if (burst.ticks < probesPerBurst || burst.sentAtMs.size > 0) return;
    burst.cancel();
    this.finish(burst);
  }

  private tick(burst: Burst): void {
    const channel = this.owner.channel();
    if (channel === null) return this.end(burst, null);
    // Behind our own queue it would measure that. The index is not used, and nothing was lost.
    if (channel.bufferedBytes() > 0) burst.heldUp = true;
    else if (channel.send(encodeControl({ kind: 'probe', burst: burst.number, index: burst.ticks }))) {
      burst.sentAtMs.set(burst.ticks, this.owner.monotonicMs());
      burst.sent += 1;
    }
    burst.ticks += 1;
    const isLast = burst.ticks === probesPerBurst;
    burst.cancel = isLast
      ? this.owner.schedule(() => this.finish(burst), tailMs(burst))
      : this.owner.schedule(() => this.tick(burst), everyMs);
  }

  private finish(burst: Burst): void {
    const { sent, rttsMs } = burst;
    const echoed = rttsMs.length;
    // A peer that has never answered a probe is not judged by them.
    if (this.owner.channel() === null || sent === 0 || (echoed === 0 && this.last === null))
      return this.end(burst, null);
    const arrived = Math.min(sent, Math.max(burst.arrived, echoed));
    this.last = { sent, arrived, echoed, rttMs: medianOf(rttsMs), jitterMs: jitterOf(rttsMs) };
    this.end(burst, this.last);
  }

  private end(burst: Burst, report: ProbeReport | null): void {
    this.current = null;
    burst.done(report);
  }
}

function tailMs({ rttsMs, heldUp }: Burst): number {
  if (heldUp) return fullTailMs;
  if (rttsMs.length === 0) return maxTailMs;
  return Math.min(maxTailMs, Math.max(minTailMs, 2 * Math.max(...rttsMs)));
}

function medianOf(values: readonly number[]): number | null {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? null;
}

function jitterOf(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const steps = values.slice(1).map((value, index) => Math.abs(value - (values[index] ?? value)));
  return steps.reduce((sum, step) => sum + step, 0) / steps.length;
}
