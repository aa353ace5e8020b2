/**
 * What happened after the path broke, told in one line per step with the milliseconds since then. Pure: main.ts feeds it with what the service
 * signals and what the peer library reports, the view shows the lines.
 */
import { inMs } from '../format.js';

export type Tone = 'bad' | 'doubt' | 'work' | 'good';

export interface StoryLine {
  /** Since the beginning of the story. */
  readonly afterMs: number;
  readonly text: string;
  readonly tone: Tone;
}

export type Beginning = 'break' | 'asked' | 'unasked';

/** Of both directions together. */
export interface TrafficCount {
  readonly sent: number;
  readonly onTheWay: number;
  readonly lost: number;
  readonly outOfOrder: number;
}

const beginnings: Readonly<Record<Beginning, Omit<StoryLine, 'afterMs'>>> = {
  break: { tone: 'bad', text: 'The path is broken: nothing gets through any more, and nobody has been told.' },
  asked: { tone: 'work', text: 'The controller asks for a restart; data goes on over the old path, if it works.' },
  unasked: { tone: 'doubt', text: 'The tube is in trouble without our doing.' },
};

export class IncidentStory {
  readonly beginning: Beginning;
  readonly #startMs: number;
  readonly #before: TrafficCount;
  readonly #tell: (line: StoryLine) => void;
  #phase: 'open' | 'recovered' | 'over' = 'open';
  #offered = 0;
  #suspected = false;

  constructor(beginning: Beginning, nowMs: number, before: TrafficCount, tell: (line: StoryLine) => void) {
    this.beginning = beginning;
    this.#startMs = nowMs;
    this.#before = before;
    this.#tell = tell;
    this.#add(nowMs, beginnings[beginning].tone, beginnings[beginning].text);
  }

  get isOver(): boolean {
    return this.#phase === 'over';
  }

  stateChanged(state: string, nowMs: number): void {
    if (this.#phase === 'over') return;
    if (state === 'degraded' && this.beginning !== 'asked' && !this.#suspected) {
      this.#suspected = true;
      this.#add(nowMs, 'doubt', 'The service suspects the path: two pings were not answered. The tube is degraded.');
    } else if (state === 'failed') {
      this.#add(
        nowMs,
        'bad',
        'The tube has failed: no attempt brought a working connection. “Restart now” tries again.',
      );
    } else if (state === 'closed') {
      this.#add(nowMs, 'bad', 'The tube is closed.');
      this.#phase = 'over';
    }
  }

  offered(generation: number, nowMs: number): void {
    this.#offered = generation;
    const why = this.beginning === 'asked' || !this.#suspected ? '' : 'A third ping is missing. ';
    this.#add(nowMs, 'work', `${why}The service offers generation ${generation}: a new connection beside the old one.`);
  }

  answered(generation: number, nowMs: number): void {
    if (generation === this.#offered) this.#add(nowMs, 'work', 'This tab has answered with a second connection.');
  }

  moved(generation: number, nowMs: number): void {
    this.#add(nowMs, 'good', `Generation ${generation} is connected; the channels have moved to it without closing.`);
  }

  attemptFailed(why: string, nowMs: number): void {
    this.#add(nowMs, 'doubt', `This attempt did not work: ${why}`);
  }

  recovered(outageMs: number, attempts: number, nowMs: number): void {
    const outage =
      outageMs === 0 ? 'there was no outage' : `outage ${inMs(outageMs)}, counted from the last sign of life`;
    const attempt = attempts === 1 ? 'at the first attempt' : `with attempt ${attempts} of this incident`;
    this.#add(nowMs, 'good', `Recovered ${attempt}; by the service’s count ${outage}.`);
    this.#phase = 'recovered';
  }

  /** The last line: once everything that waited has arrived. */
  look(now: TrafficCount, nowMs: number): void {
    if (this.#phase !== 'recovered') return;
    const sent = now.sent - this.#before.sent;
    const lost = now.lost - this.#before.lost;
    if (sent > 0 && now.onTheWay > 2) return;
    this.#phase = 'over';
    if (sent === 0) this.#add(nowMs, 'good', 'Steady traffic is off, so there was nothing to count.');
    else
      this.#add(
        nowMs,
        lost === 0 ? 'good' : 'bad',
        `What was sent meanwhile has arrived: messages lost ${lost} of ${sent}, out of order ${now.outOfOrder - this.#before.outOfOrder}.`,
      );
  }

  #add(nowMs: number, tone: Tone, text: string): void {
    this.#tell({ afterMs: nowMs - this.#startMs, tone, text });
  }
}
