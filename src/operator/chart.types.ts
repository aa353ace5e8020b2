/**
 * A statechart laid out for drawing: what scripts/charts.mjs makes of a machine at build time and the console draws as SVG, with the states that
 * are active marked. Types only. Lengths in pixels at scale 1, from the upper left corner of the chart.
 */
export interface ChartLayout {
  /** `tube`, `restart`, `keepalive`, `health`. */
  readonly machine: string;
  readonly description: string;
  readonly width_px: number;
  readonly height_px: number;
  /** Parents before their children; the root itself is the first. */
  readonly states: readonly ChartState[];
  readonly transitions: readonly ChartTransition[];
}

export interface ChartBox {
  readonly x_px: number;
  readonly y_px: number;
  readonly width_px: number;
  readonly height_px: number;
}

export interface ChartState extends ChartBox {
  /** XState's id of the node: `tube.degraded.restarting`. */
  readonly id: string;
  readonly key: string;
  readonly parent: string | null;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly initial: boolean;
  readonly description: string;
  readonly tags: readonly string[];
  /** Lines in the box: `entry / emitState`, `invoke keepalive`, transitions without a target. */
  readonly lines: readonly string[];
}

export interface ChartTransition {
  /** Unique in the chart. */
  readonly id: string;
  readonly source: string;
  readonly target: string;
  /** The event as people read it: `after connectTimeout`, `transport.up`. */
  readonly event: string;
  readonly guard: string | null;
  readonly actions: readonly string[];
  readonly label: ChartBox | null;
  /** The line from source to target, each part a list of points [x, y]; the last point of the last part has the arrow. */
  readonly parts: readonly (readonly (readonly [number, number])[])[];
}
