/**
 * The picture between the two ends: one line per connection of the tube, which of them carries data, where one is broken, and the steady
 * traffic as dots on it. Decoration for the eye; the words beside each line say the same.
 */
import type { End } from './console-tube.js';
import { byId, element } from './dom.js';

type LaneState = 'coming' | 'active' | 'old' | 'broken';

const words: Readonly<Record<LaneState, string>> = {
  coming: 'coming up',
  active: 'carries the data',
  old: 'old, about to be closed',
  broken: 'broken: drops everything, silently',
};

interface Lane {
  readonly row: HTMLElement;
  readonly label: HTMLElement;
  readonly line: HTMLElement;
  state: LaneState;
}

/** As long as the library lets an old connection linger. */
const lingerMs = 3000;
const crossingMs = 450;
const maxDots = 80;

export class LanesView {
  readonly #list = byId('lanes', HTMLElement);
  readonly #empty = byId('lanes-empty', HTMLElement);
  readonly #lanes = new Map<number, Lane>();
  readonly #still = matchMedia('(prefers-reduced-motion: reduce)');
  #active: number | null = null;

  coming(generation: number): void {
    this.#set(generation, 'coming');
  }

  /** The data goes here now; what it went over before lingers for a moment. */
  active(generation: number): void {
    const old = this.#active;
    this.#active = generation;
    this.#set(generation, 'active');
    if (old === null || old === generation) return;
    if (this.#lanes.get(old)?.state !== 'broken') this.#set(old, 'old');
    setTimeout(() => this.remove(old), lingerMs);
  }

  breakAll(): void {
    for (const generation of this.#lanes.keys()) this.#set(generation, 'broken');
  }

  remove(generation: number): void {
    this.#lanes.get(generation)?.row.remove();
    this.#lanes.delete(generation);
    this.#refresh();
  }

  clear(): void {
    this.#active = null;
    for (const generation of [...this.#lanes.keys()]) this.remove(generation);
  }

  /** A message sets out from `end`; on a broken line it gets half way. */
  dot(end: End): void {
    const lane = this.#active === null ? undefined : this.#lanes.get(this.#active);
    if (lane === undefined || this.#still.matches || document.hidden || lane.line.childElementCount > maxDots) return;
    const dot = element('span', `dot from-${end}`);
    lane.line.append(dot);
    const isBroken = lane.state === 'broken';
    const [from, to] = end === 'service' ? [0, isBroken ? 47 : 100] : [100, isBroken ? 53 : 0];
    const frames = [
      { left: `${from}%`, opacity: 1 },
      { left: `${to}%`, opacity: isBroken ? 0 : 1 },
    ];
    dot.animate(frames, { duration: isBroken ? crossingMs / 2 : crossingMs }).onfinish = () => dot.remove();
  }

  #set(generation: number, state: LaneState): void {
    const lane = this.#lanes.get(generation) ?? this.#make(generation);
    lane.state = state;
    lane.row.dataset.state = state;
    lane.label.replaceChildren(element('strong', '', `generation ${generation}`), ` ${words[state]}`);
    this.#refresh();
  }

  #make(generation: number): Lane {
    const label = element('span', 'lane-label');
    const line = element('span', 'lane-line');
    line.setAttribute('aria-hidden', 'true');
    const lane: Lane = { row: element('li', 'lane', label, line), label, line, state: 'coming' };
    this.#lanes.set(generation, lane);
    this.#list.append(lane.row);
    return lane;
  }

  #refresh(): void {
    this.#empty.hidden = this.#lanes.size > 0;
  }
}
