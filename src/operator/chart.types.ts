/**
 * A statechart laid out for drawing: what the build makes of a machine (src/charts/layout.ts, served as console/charts/<machine>.json) and
 * chart-drawing.ts turns into SVG, with the states that are active marked. Types only. Lengths in pixels at scale 1, from the upper left corner.
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

export interface ChartLabel extends ChartBox {
  readonly text: string;
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
  /** Lines in the box: `entry / emitState`, `invoke keepalive`, transitions without a target, or to a state inside. */
  readonly lines: readonly string[];
  /** Where its name stands, and below it the lines, in `columns` of the same width, filled one after the other. */
  readonly words: ChartBox;
  readonly columns: number;
}

export interface ChartTransition {
  /** Unique in the chart: source, XState's type of the event, and which of its candidates: `tube.connected:keepalive.lost:0`. */
  readonly id: string;
  readonly source: string;
  readonly target: string;
  /** The event as people read it: `after connectTimeout`, `transport.up`; empty for the arrow that leads from a dot to the initial state. */
  readonly event: string;
  readonly guard: string | null;
  readonly actions: readonly string[];
  readonly description: string;
  /** Its words and where they stand; null when they are one of the lines of its source, or are left out. */
  readonly label: ChartLabel | null;
  /**
   * The line from source to target, each part a list of points [x, y]; the last point of the last part has the arrow. Transitions of one source and
   * target share a line. Empty when it leads inwards.
   */
  readonly parts: readonly (readonly (readonly [number, number])[])[];
}
