/**
 * The console: opens a tube between the service and this very tab, shows both ends, and breaks the path between them on request. This file only
 * connects the parts: the controller (control-client.ts), the tube (console-tube.ts), the traffic, the story, and the views.
 */
import { chatChannel, ConsoleTube, trafficChannel, type End, type TubeHandlers } from './console-tube.js';
import { ControlClient, type ControlStatus, type Signal } from './control-client.js';
import { byId, setText } from './dom.js';
import { IncidentStory, type Beginning, type TrafficCount } from './incident-story.js';
import { LanesView } from './lanes-view.js';
import { ColumnView } from './log-view.js';
import { peerSentence, signalSentence, type PeerNews } from './sentences.js';
import { StoryView } from './story-view.js';
import { findToken, forgetToken, keepToken } from './token.js';
import { TokenForm } from './token-form.js';
import { Traffic } from './traffic.js';
import { TrafficView } from './traffic-view.js';
import { shownStates, TubeView, type ShownState } from './tube-view.js';

const refreshMs = 250;
const rttPollMs = 1000;
const now = (): number => performance.now();
const statusWords: Readonly<Record<ControlStatus['kind'], string>> = {
  connecting: 'connecting to the service …',
  online: 'connected to the service',
  offline: 'service not reachable, trying again …',
  refused: 'not signed in',
};

class Console {
  readonly #tubeView = new TubeView({
    open: () => void this.#open(),
    breakPath: () => this.#break(),
    restart: () => void this.#restart(),
    close: () => void this.#try(() => this.#tube?.close()),
  });
  readonly #lanes = new LanesView();
  readonly #storyView = new StoryView();
  readonly #trafficView = new TrafficView((on) => this.#toggleTraffic(on));
  readonly #columns: Readonly<Record<End, ColumnView>> = {
    service: new ColumnView('service', (text) => this.#say('service', text)),
    tab: new ColumnView('tab', (text) => this.#say('tab', text)),
  };
  readonly #tokenForm = new TokenForm((token) => {
    keepToken(token);
    this.#connect(token);
  });
  #control: ControlClient | null = null;
  #tube: ConsoleTube | null = null;
  #traffic: Traffic | null = null;
  #story: IncidentStory | null = null;
  #isOpening = false;
  #generation: number | null = null;
  #rttMs: number | null = null;

  start(): void {
    this.#show('none');
    setInterval(() => this.#refresh(), refreshMs);
    setInterval(() => void this.#pollRtt(), rttPollMs);
    addEventListener('pagehide', () => this.#tube?.abandon());
    // The link of another run of the service, pasted into the same tab.
    addEventListener('hashchange', () => this.#begin());
    this.#begin();
  }

  #begin(): void {
    const token = findToken();
    if (token !== null) return this.#connect(token);
    this.#tokenForm.ask('');
    this.#sayStatus('refused');
  }

  #connect(token: string): void {
    this.#control?.close();
    this.#control = new ControlClient(location.origin, token, {
      status: (status) => this.#statusChanged(status),
      signal: (signal) => this.#tube?.receive(signal),
    });
  }

  #sayStatus(kind: ControlStatus['kind']): void {
    setText(byId('control-status', HTMLElement), statusWords[kind]);
    document.body.dataset.control = kind;
  }

  #statusChanged(status: ControlStatus): void {
    this.#sayStatus(status.kind);
    if (status.kind === 'refused') {
      forgetToken();
      this.#control?.close();
      this.#tokenForm.ask(`The service did not accept the token. ${status.detail}`);
    } else if (status.kind === 'offline') {
      const isOpen = this.#tubeView.state !== 'none' && this.#tubeView.state !== 'closed';
      const consequence = isOpen ? 'What is shown of the tube may be out of date.' : 'The page tries again by itself.';
      this.#tubeView.problem(`The service cannot be reached (${status.detail}). ${consequence}`);
    } else if (status.kind === 'online') {
      this.#tubeView.problem('');
      if (!status.recovered) void this.#tube?.resubscribe();
    }
    this.#updateControls();
  }

  async #open(): Promise<void> {
    const control = this.#control;
    if (control === null || this.#isOpening) return;
    this.#isOpening = true;
    this.#forgetTube();
    this.#updateControls();
    await this.#try(async () => {
      const tube = await ConsoleTube.open(location.origin, control, this.#tubeHandlers());
      this.#tube = tube;
      setText(byId('tube-id', HTMLElement), tube.id);
      this.#lanes.coming(1);
      tube.ready().then(
        () => this.#startTraffic(tube),
        // It was closed before it was up; the signals say why.
        () => undefined,
      );
    });
    this.#isOpening = false;
    this.#updateControls();
  }

  #forgetTube(): void {
    this.#tube = this.#traffic = this.#story = null;
    this.#generation = this.#rttMs = null;
    this.#lanes.clear();
    this.#storyView.clear();
    for (const column of Object.values(this.#columns)) column.clear();
  }

  #tubeHandlers(): TubeHandlers {
    return {
      signal: (signal) => this.#heardSignal(signal),
      peer: (news) => this.#heardPeer(news),
      arrived: (end, channel, text) => {
        if (channel === trafficChannel) this.#counted(end, Number(text));
        else this.#columns[end].message('arrived', text);
      },
      gone: (reason) => {
        this.#columns.service.report('gone', `The tube is no more: ${reason}`);
        this.#tubeView.problem('The service does not know this tube any more. Was it restarted?');
        this.#show('closed');
      },
    };
  }

  #heardSignal(signal: Signal): void {
    const { kind, data, generation } = signal;
    this.#generation = Math.max(this.#generation ?? 0, generation);
    const isCounted = kind === 'message' && (data as { channel?: unknown }).channel === trafficChannel;
    const sentence = isCounted ? null : signalSentence(signal);
    if (sentence !== null) this.#columns.service.report(kind, sentence);
    if (kind === 'connection_state_changed') this.#show(String(data) as ShownState);
    else if (kind === 'ice_restart_offer') this.#tellRestart(signal);
    else if (kind === 'recovered') {
      const { outage_ms: outageMs, attempts } = data as { outage_ms: number; attempts: number };
      this.#story?.recovered(outageMs, attempts, now());
    }
  }

  #tellRestart({ progress_flag: flag, progress_status: status, generation }: Signal): void {
    if (flag === 2) this.#ensureStory('unasked').offered(generation, now());
    else if (flag === 1) this.#story?.attemptFailed(status, now());
  }

  #heardPeer(news: PeerNews): void {
    this.#columns.tab.report(news.name, peerSentence(news));
    if (news.name === 'generation') this.#lanes.active(news.event.generation);
    if (news.name !== 'restart') return;
    const { generation, phase } = news.event;
    if (phase === 'offered') this.#lanes.coming(generation);
    else if (phase === 'answered') this.#story?.answered(generation, now());
    else if (phase === 'cut_over') this.#story?.moved(generation, now());
    else if (phase === 'failed') this.#lanes.remove(generation);
  }

  #show(state: ShownState): void {
    const isNews = state !== this.#tubeView.state;
    if (isNews && state === 'degraded') this.#ensureStory('unasked');
    this.#tubeView.show(state, now());
    if (isNews) this.#story?.stateChanged(state, now());
    if (state === 'closed') {
      this.#traffic?.stop();
      this.#lanes.clear();
    }
    this.#updateControls();
    this.#refresh();
  }

  #updateControls(): void {
    this.#tubeView.buttons({
      isOnline: this.#control?.isOnline ?? false,
      isOpening: this.#isOpening,
      canBreak: this.#tube?.canBreak ?? false,
    });
    const isUsable = (shownStates.slice(2) as readonly string[]).includes(this.#tubeView.state);
    for (const column of Object.values(this.#columns)) column.enable(isUsable);
  }

  #ensureStory(beginning: Beginning): IncidentStory {
    return this.#story === null || this.#story.isOver ? this.#beginStory(beginning) : this.#story;
  }

  #beginStory(beginning: Beginning): IncidentStory {
    this.#storyView.begin(beginning);
    this.#story = new IncidentStory(beginning, now(), this.#trafficCount(), (line) => this.#storyView.add(line));
    return this.#story;
  }

  #break(): void {
    if (this.#tube === null || this.#tubeView.state !== 'connected') return;
    this.#tube.breakPath();
    this.#lanes.breakAll();
    this.#beginStory('break');
    this.#columns.tab.report('break', 'From now on this page drops everything that this connection carries.');
    this.#updateControls();
  }

  async #restart(): Promise<void> {
    if (this.#tube === null) return;
    this.#beginStory('asked');
    await this.#try(() => this.#tube?.restart());
  }

  async #say(from: End, text: string): Promise<void> {
    this.#tubeView.problem('');
    try {
      await this.#tube?.send(from, chatChannel, text);
    } catch (error) {
      this.#tubeView.problem(`The message was not taken. ${messageOf(error)}`);
      throw error;
    }
  }

  #trafficOf(tube: ConsoleTube): Traffic {
    return new Traffic({
      now,
      fromTab: (number) => {
        const isTaken = tube.trySend(trafficChannel, String(number));
        if (isTaken) this.#lanes.dot('tab');
        return isTaken;
      },
      fromService: async (number) => {
        this.#lanes.dot('service');
        await tube.send('service', trafficChannel, String(number));
        return true;
      },
    });
  }

  #startTraffic(tube: ConsoleTube): void {
    if (this.#tube !== tube) return;
    this.#traffic = this.#trafficOf(tube);
    this.#toggleTraffic(this.#trafficView.isWanted);
  }

  #toggleTraffic(on: boolean): void {
    if (on && this.#tubeView.state !== 'closed') this.#traffic?.start();
    else this.#traffic?.stop();
  }

  #counted(end: End, number: number): void {
    const meter = end === 'service' ? this.#traffic?.fromTab : this.#traffic?.fromService;
    meter?.noteArrived(number, now());
  }

  #trafficCount(): TrafficCount {
    const { fromTab: a, fromService: b } = this.#traffic ?? {};
    if (a === undefined || b === undefined) return { sent: 0, onTheWay: 0, lost: 0, outOfOrder: 0 };
    return {
      sent: a.sent + b.sent,
      onTheWay: a.onTheWay + b.onTheWay,
      lost: a.lost + b.lost,
      outOfOrder: a.outOfOrder + b.outOfOrder,
    };
  }

  #refresh(): void {
    this.#tubeView.figures(this.#generation, this.#rttMs, now());
    this.#trafficView.show(this.#traffic, now());
    this.#story?.look(this.#trafficCount(), now());
  }

  async #pollRtt(): Promise<void> {
    if (this.#tube === null || this.#tubeView.state !== 'connected') return;
    // A figure that is missing is shown as such; nothing more is lost.
    this.#rttMs = await this.#tube.rttMs().catch(() => null);
  }

  async #try(action: () => Promise<unknown> | undefined): Promise<void> {
    this.#tubeView.problem('');
    try {
      await action();
    } catch (error) {
      this.#tubeView.problem(messageOf(error));
    }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Which service this is; the page works without knowing. */
async function showService(): Promise<void> {
  try {
    const info = (await (await fetch('/api/v1/info')).json()) as { version?: unknown };
    setText(byId('service-name', HTMLElement), `Holdfast ${String(info.version)} at ${location.host}`);
  } catch {
    setText(byId('service-name', HTMLElement), location.host);
  }
}

void showService();
new Console().start();
