/**
 * The tube of "Try it" from the opening to the end, for the views: its state, its connections, what is told about it, the steady traffic, and the story
 * of the last break. It outlives the page of the console that shows it, and is closed when the tab goes away.
 */
import { signal, type Signal } from '@preact/signals';
import type { Signal as WireSignal } from '../socket/control-client.js';
import type { Session } from '../socket/session.js';
import type { TubeState } from '../socket/operator-calls.js';
import { chatChannel, ConsoleTube, trafficChannel, type End, type TubeHandlers } from './console-tube.js';
import { IncidentStory, type Beginning, type StoryLine, type TrafficCount } from './incident-story.js';
import { activated, allBroken, coming, without, type Lanes } from './lanes.js';
import { EndLog } from './log-lines.js';
import { peerSentence, signalSentence, type PeerNews } from './sentences.js';
import { Traffic } from './traffic.js';

/** `none`: before the first tube. */
export type TrialState = TubeState | 'none';

const refreshMs = 250;
const rttPollMs = 1000;
/** As long as the library lets an old connection linger. */
const lingerMs = 3000;
const now = (): number => performance.now();

export class TrySession {
  readonly state = signal<TrialState>('none');
  /** Since when it is in it, by `performance.now`. */
  readonly sinceMs = signal(0);
  readonly tubeId = signal<string | null>(null);
  readonly generation = signal<number | null>(null);
  readonly rttMs = signal<number | null>(null);
  readonly problem = signal('');
  readonly isOpening = signal(false);
  readonly isWhole = signal(false);
  readonly lanes = signal<Lanes>([]);
  readonly beginning = signal<Beginning | null>(null);
  readonly story = signal<readonly StoryLine[]>([]);
  readonly wantsTraffic = signal(true);
  readonly traffic: Signal<Traffic | null> = signal(null);
  /** Moves a few times a second while there is a tube: meters and clocks are drawn by it. */
  readonly beat = signal(0);
  readonly logs: Readonly<Record<End, EndLog>> = { service: new EndLog(), tab: new EndLog() };
  /** A message sets out; for the picture. */
  onDeparture: (end: End) => void = () => undefined;
  readonly #session: Session;
  #tube: ConsoleTube | null = null;
  #story: IncidentStory | null = null;

  constructor(session: Session) {
    this.#session = session;
    session.token.subscribe(() => this.#leave());
    session.on('signal', (batch) => {
      for (const heard of [batch as WireSignal | readonly WireSignal[]].flat()) this.#tube?.receive(heard);
    });
    session.onOnline((recovered) => {
      if (!recovered) void this.#tube?.resubscribe();
    });
    setInterval(() => this.#refresh(), refreshMs);
    setInterval(() => void this.#pollRtt(), rttPollMs);
    addEventListener('pagehide', () => this.#tube?.abandon());
  }

  get isOpen(): boolean {
    return this.state.value !== 'none' && this.state.value !== 'closed';
  }

  async open(): Promise<void> {
    if (this.isOpening.value || this.isOpen) return;
    this.isOpening.value = true;
    this.#forget();
    await this.#try(async () => {
      const tube = await ConsoleTube.open(this.#session, this.#tubeHandlers());
      this.#tube = tube;
      this.tubeId.value = tube.id;
      this.lanes.value = coming([], 1);
      tube.ready().then(
        () => this.#startTraffic(tube),
        // It was closed before it was up; the signals say why.
        () => undefined,
      );
    });
    this.isOpening.value = false;
  }

  /** This tab drops from now on what the connections that exist carry. */
  breakPath(): void {
    if (this.#tube === null || this.state.value !== 'connected') return;
    this.#tube.breakPath();
    this.lanes.value = allBroken(this.lanes.value);
    this.#beginStory('break');
    this.logs.tab.report('break', 'From now on this page drops everything that this connection carries.');
    this.#refresh();
  }

  async restart(): Promise<void> {
    if (this.#tube === null) return;
    this.#beginStory('asked');
    await this.#try(() => this.#tube?.restart());
  }

  async close(): Promise<void> {
    await this.#try(() => this.#tube?.close());
  }

  /** True when it was taken. */
  async say(from: End, text: string): Promise<boolean> {
    return this.#try(async () => {
      await this.#tube?.send(from, chatChannel, text);
      this.logs[from].message('sent', text);
    });
  }

  toggleTraffic(on: boolean): void {
    this.wantsTraffic.value = on;
    if (on && this.isOpen) this.traffic.value?.start();
    else this.traffic.value?.stop();
  }

  /** Somebody else is signed in now, or nobody. */
  #leave(): void {
    if (this.#tube === null) return;
    this.#tube.abandon();
    this.traffic.value?.stop();
    this.#forget();
    this.tubeId.value = null;
    this.problem.value = '';
    this.state.value = 'none';
  }

  #forget(): void {
    this.#tube = this.#story = null;
    this.traffic.value = null;
    this.generation.value = this.rttMs.value = this.beginning.value = null;
    this.lanes.value = [];
    this.story.value = [];
    for (const log of Object.values(this.logs)) log.clear();
  }

  #tubeHandlers(): TubeHandlers {
    return {
      signal: (heard) => this.#heardSignal(heard),
      peer: (news) => this.#heardPeer(news),
      arrived: (end, channel, text) => {
        if (channel === trafficChannel) this.#counted(end, Number(text));
        else this.logs[end].message('arrived', text);
      },
      gone: (reason) => {
        this.logs.service.report('gone', `The tube is no more: ${reason}`);
        this.problem.value = 'The service does not know this tube any more. Was it restarted?';
        this.#show('closed');
      },
    };
  }

  #heardSignal(heard: WireSignal): void {
    const { kind, data, generation } = heard;
    this.generation.value = Math.max(this.generation.value ?? 0, generation);
    const isCounted = kind === 'message' && (data as { channel?: unknown }).channel === trafficChannel;
    const sentence = isCounted ? null : signalSentence(heard);
    if (sentence !== null) this.logs.service.report(kind, sentence);
    if (kind === 'connection_state_changed') this.#show(String(data) as TubeState);
    else if (kind === 'ice_restart_offer') this.#tellRestart(heard);
    else if (kind === 'recovered') {
      const { outage_ms: outageMs, attempts } = data as { outage_ms: number; attempts: number };
      this.#story?.recovered(outageMs, attempts, now());
    }
  }

  #tellRestart({ progress_flag: flag, progress_status: status, generation }: WireSignal): void {
    if (flag === 2) this.#ensureStory().offered(generation, now());
    else if (flag === 1) this.#story?.attemptFailed(status, now());
  }

  #heardPeer(news: PeerNews): void {
    this.logs.tab.report(news.name, peerSentence(news));
    if (news.name === 'generation') this.#moved(news.event.generation);
    if (news.name !== 'restart') return;
    const { generation, phase } = news.event;
    if (phase === 'offered') this.lanes.value = coming(this.lanes.value, generation);
    else if (phase === 'answered') this.#story?.answered(generation, now());
    else if (phase === 'cut_over') this.#story?.moved(generation, now());
    else if (phase === 'failed') this.lanes.value = without(this.lanes.value, generation);
  }

  #moved(generation: number): void {
    const old = this.lanes.value.filter((lane) => lane.generation < generation);
    this.lanes.value = activated(this.lanes.value, generation);
    setTimeout(() => {
      this.lanes.value = old.reduce((lanes, lane) => without(lanes, lane.generation), this.lanes.value);
    }, lingerMs);
  }

  #show(state: TubeState): void {
    const isNews = state !== this.state.value;
    if (isNews && state === 'degraded') this.#ensureStory();
    if (isNews) this.sinceMs.value = now();
    this.state.value = state;
    if (isNews) this.#story?.stateChanged(state, now());
    if (state === 'closed') {
      this.traffic.value?.stop();
      this.lanes.value = [];
    }
    this.#refresh();
  }

  #ensureStory(): IncidentStory {
    return this.#story === null || this.#story.isOver ? this.#beginStory('unasked') : this.#story;
  }

  #beginStory(beginning: Beginning): IncidentStory {
    this.beginning.value = beginning;
    this.story.value = [];
    const add = (line: StoryLine): void => void (this.story.value = [...this.story.value, line]);
    this.#story = new IncidentStory(beginning, now(), this.#trafficCount(), add);
    return this.#story;
  }

  #startTraffic(tube: ConsoleTube): void {
    if (this.#tube !== tube) return;
    this.traffic.value = new Traffic({
      now,
      fromTab: (number) => {
        const isTaken = tube.trySend(trafficChannel, String(number));
        if (isTaken) this.onDeparture('tab');
        return isTaken;
      },
      fromService: async (number) => {
        this.onDeparture('service');
        await tube.send('service', trafficChannel, String(number));
        return true;
      },
    });
    this.toggleTraffic(this.wantsTraffic.value);
  }

  #counted(end: End, number: number): void {
    const traffic = this.traffic.value;
    const meter = end === 'service' ? traffic?.fromTab : traffic?.fromService;
    meter?.noteArrived(number, now());
  }

  #trafficCount(): TrafficCount {
    const { fromTab: a, fromService: b } = this.traffic.value ?? {};
    if (a === undefined || b === undefined) return { sent: 0, onTheWay: 0, lost: 0, outOfOrder: 0 };
    return {
      sent: a.sent + b.sent,
      onTheWay: a.onTheWay + b.onTheWay,
      lost: a.lost + b.lost,
      outOfOrder: a.outOfOrder + b.outOfOrder,
    };
  }

  #refresh(): void {
    if (this.#tube === null) return;
    this.isWhole.value = this.#tube.canBreak;
    this.#story?.look(this.#trafficCount(), now());
    this.beat.value += 1;
  }

  async #pollRtt(): Promise<void> {
    if (this.#tube === null || this.state.value !== 'connected') return;
    // A figure that is missing is shown as such; nothing more is lost.
    this.rttMs.value = await this.#tube.rttMs().catch(() => null);
  }

  async #try(action: () => Promise<unknown> | undefined): Promise<boolean> {
    this.problem.value = '';
    try {
      await action();
      return true;
    } catch (error) {
      this.problem.value = error instanceof Error ? error.message : String(error);
      return false;
    }
  }
}
