/** The connections of the tube of "Try it", as the picture shows them: which comes up, carries data, lingers, or is broken. Pure. */
export type LaneState = 'coming' | 'active' | 'old' | 'broken';

export interface Lane {
  readonly generation: number;
  readonly state: LaneState;
}

export type Lanes = readonly Lane[];

export const laneWords: Readonly<Record<LaneState, string>> = {
  coming: 'coming up',
  active: 'carries the data',
  old: 'old, about to be closed',
  broken: 'broken: drops everything, silently',
};

function set(lanes: Lanes, generation: number, state: LaneState): Lanes {
  const others = lanes.filter((lane) => lane.generation !== generation);
  return [...others, { generation, state }].sort((left, right) => left.generation - right.generation);
}

export const coming = (lanes: Lanes, generation: number): Lanes => set(lanes, generation, 'coming');

export const without = (lanes: Lanes, generation: number): Lanes =>
  lanes.filter((lane) => lane.generation !== generation);

/** The data goes here now; what it went over before lingers for a moment. */
export const activated = (lanes: Lanes, generation: number): Lanes =>
  set(
    lanes.map((lane) => (lane.state === 'active' ? { ...lane, state: 'old' } : lane)),
    generation,
    'active',
  );

export const allBroken = (lanes: Lanes): Lanes => lanes.map((lane) => ({ ...lane, state: 'broken' }));
