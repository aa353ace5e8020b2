/** The switch of the steady traffic and the table of what became of it. */
import { byId, setText } from './dom.js';
import { inMs } from './format.js';
import type { DirectionMeter, Traffic } from './traffic.js';

const rows: Readonly<Record<string, (meter: DirectionMeter, nowMs: number) => string>> = {
  sent: ({ sent }) => String(sent),
  received: ({ received }) => String(received),
  waiting: ({ onTheWay }) => String(onTheWay),
  lost: ({ lost }) => String(lost),
  disordered: ({ outOfOrder }) => String(outOfOrder),
  gap: (meter, nowMs) => inMs(meter.longestGapMs(nowMs)),
};

export class TrafficView {
  readonly #switch = byId('traffic', HTMLInputElement);

  constructor(toggled: (on: boolean) => void) {
    this.#switch.addEventListener('change', () => toggled(this.#switch.checked));
  }

  /** What the visitor wants, whether or not there is a tube. */
  get isWanted(): boolean {
    return this.#switch.checked;
  }

  show(traffic: Traffic | null, nowMs: number): void {
    for (const [name, text] of Object.entries(rows)) {
      setText(byId(`service-${name}`, HTMLElement), traffic === null ? '–' : text(traffic.fromService, nowMs));
      setText(byId(`tab-${name}`, HTMLElement), traffic === null ? '–' : text(traffic.fromTab, nowMs));
    }
  }
}
