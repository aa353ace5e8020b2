/**
 * A page with nothing but standard WebRTC calls, whose signalling a controller relays: the plain peer of the contract. The page keeps one
 * RTCPeerConnection for its whole life and applies every offer to it.
 */
import type { Browser, Page } from 'playwright-core';
import type { Controller, Signal } from './service.js';
import { until } from './until.js';

/** What runs in the page. Kept self-contained: it is serialised. */
interface PlainPage {
  pc: RTCPeerConnection;
  channels: Map<string, RTCDataChannel>;
  received: string[];
  closes: number;
  states: string[];
  answer(sdp: string, configuration: RTCConfiguration): Promise<string>;
  applyAnswer(sdp: string): Promise<void>;
  makeOffer(options: { restart: boolean; channel: string | null }): Promise<string>;
  addCandidate(candidate: string): Promise<void>;
  toController(kind: string, value: string): void;
}

function setUp(): void {
  const here = globalThis as unknown as PlainPage;
  here.pc = new RTCPeerConnection();
  here.channels = new Map();
  here.received = [];
  here.closes = 0;
  here.states = [];
  const watch = (channel: RTCDataChannel): void => {
    here.channels.set(channel.label, channel);
    channel.binaryType = 'arraybuffer';
    channel.onclose = () => (here.closes += 1);
    channel.onmessage = ({ data }) => {
      if (typeof data !== 'string') return;
      here.received.push(data);
      if (data.startsWith('echo ')) channel.send(data.slice(5));
    };
  };
  here.pc.ondatachannel = ({ channel }) => watch(channel);
  here.pc.onconnectionstatechange = () => here.states.push(here.pc.connectionState);
  here.pc.onicecandidate = ({ candidate }) => here.toController('candidate', candidate?.candidate ?? '');
  here.answer = async (sdp, configuration) => {
    // Before the offer, which makes it gather: TURN credentials of the offer before may have expired.
    here.pc.setConfiguration(configuration);
    await here.pc.setRemoteDescription({ type: 'offer', sdp });
    await here.pc.setLocalDescription();
    return here.pc.localDescription?.sdp ?? '';
  };
  here.applyAnswer = (sdp) => here.pc.setRemoteDescription({ type: 'answer', sdp });
  here.makeOffer = async ({ restart, channel }) => {
    if (channel !== null) watch(here.pc.createDataChannel(channel));
    if (restart) here.pc.restartIce();
    await here.pc.setLocalDescription();
    return here.pc.localDescription?.sdp ?? '';
  };
  here.addCandidate = (candidate) => here.pc.addIceCandidate(candidate === '' ? undefined : { candidate, sdpMid: '0' });
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const raw = (text: string): string => Buffer.from(text, 'base64').toString();

export class PlainPeer {
  tubeId = '';
  readonly errors: string[] = [];
  #chain: Promise<void> = Promise.resolve();

  private constructor(
    readonly page: Page,
    private readonly control: Controller,
    private readonly policy: RTCIceTransportPolicy,
  ) {}

  /** `relay`: it uses TURN servers only. */
  static async open(
    browser: Browser,
    control: Controller,
    origin: string,
    policy: RTCIceTransportPolicy = 'all',
  ): Promise<PlainPeer> {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${origin}/livez`);
    const peer = new PlainPeer(page, control, policy);
    await page.exposeFunction('toController', (kind: string, value: string) => {
      if (kind === 'candidate')
        peer.#enqueue(() => control.call('add_ice_candidate', { tube_id: peer.tubeId, candidate: value }));
    });
    await page.evaluate(setUp);
    control.onSignal((signal) => peer.#relay(signal));
    return peer;
  }

  /** The service offers. */
  async connectAsAnswerer(settings: object = {}, trickle = true): Promise<void> {
    const created = await this.control.ok('create_tube', { conversation_id: 'plain', settings, trickle_ice: trickle });
    this.tubeId = String(created['tube_id']);
    await this.#answer(raw(String(created['offer'])), Number(created['generation']), created['ice_servers']);
  }

  /** The page offers, with a channel of its own. */
  async connectAsOfferer(channel: string, settings: object = {}): Promise<void> {
    const offer = await this.page.evaluate(
      (label) => (globalThis as unknown as PlainPage).makeOffer({ restart: false, channel: label }),
      channel,
    );
    const creating = this.control.ok('create_tube', {
      conversation_id: 'plain',
      settings,
      trickle_ice: true,
      offer: base64(offer),
    });
    this.#chain = creating.then(
      (created) => {
        this.tubeId = String(created['tube_id']);
      },
      () => undefined,
    );
    const created = await creating;
    await this.page.evaluate(
      (sdp) => (globalThis as unknown as PlainPage).applyAnswer(sdp),
      raw(String(created['answer'])),
    );
  }

  /** The page restarts by itself. */
  async restart(): Promise<void> {
    const offer = await this.page.evaluate(() =>
      (globalThis as unknown as PlainPage).makeOffer({ restart: true, channel: null }),
    );
    const answered = await this.control.ok('set_remote_description', {
      tube_id: this.tubeId,
      sdp: base64(offer),
      is_answer: false,
    });
    await this.page.evaluate(
      (sdp) => (globalThis as unknown as PlainPage).applyAnswer(sdp),
      raw(String(answered['answer'])),
    );
  }

  async openChannel(label: string): Promise<void> {
    await this.page.evaluate((name) => {
      const here = globalThis as unknown as PlainPage & { watch?: unknown };
      const channel = here.pc.createDataChannel(name);
      here.channels.set(name, channel);
      channel.onclose = () => (here.closes += 1);
      channel.onmessage = ({ data }) => {
        here.received.push(String(data));
        if (String(data).startsWith('echo ')) channel.send(String(data).slice(5));
      };
    }, label);
  }

  /** At both ends: the page may know of it before the service does, which refuses to send until then. */
  async waitForChannel(label: string): Promise<void> {
    await this.page.waitForFunction(
      (name) => (globalThis as unknown as PlainPage).channels.get(name)?.readyState === 'open',
      label,
    );
    const isOpened = ({ kind, tube_id: id, data }: Signal): boolean =>
      kind === 'channel_opened' && id === this.tubeId && (data as { label: string }).label === label;
    await until(() => this.control.signals.some(isOpened), 10_000, `channel_opened of ${label}`);
  }

  waitForMessage(text: string): Promise<unknown> {
    return this.page.waitForFunction((wanted) => (globalThis as unknown as PlainPage).received.includes(wanted), text);
  }

  send(label: string, text: string): Promise<void> {
    return this.page.evaluate(([name, data]) => (globalThis as unknown as PlainPage).channels.get(name)?.send(data), [
      label,
      text,
    ] as const);
  }

  /** What the page saw: messages, `close` events of channels, connection states, and its one connection's state. */
  look(): Promise<{
    received: string[];
    closes: number;
    states: string[];
    channels: Record<string, string>;
    connection: string;
  }> {
    return this.page.evaluate(() => {
      const { received, closes, states, channels, pc } = globalThis as unknown as PlainPage;
      const each = Object.fromEntries([...channels].map(([label, channel]) => [label, channel.readyState]));
      return { received, closes, states, channels: each, connection: pc.connectionState };
    });
  }

  /** The page throws its connection away and starts a new one, as after a reload. */
  async replaceConnection(): Promise<void> {
    await this.page.evaluate(() => (globalThis as unknown as PlainPage).pc.close());
    await this.page.evaluate(setUp);
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }

  #relay(signal: Signal): void {
    if (signal.tube_id !== this.tubeId) return;
    if (signal.kind === 'ice_restart_offer' && signal.progress_flag === 2) {
      this.#enqueue(() => this.#answer(raw(String(signal.data)), signal.generation, signal.ice_servers));
    } else if (signal.kind === 'icecandidate') {
      this.#enqueue(() =>
        this.page.evaluate(
          (candidate) => (globalThis as unknown as PlainPage).addCandidate(candidate),
          String(signal.data),
        ),
      );
    }
  }

  async #answer(offer: string, generation: number, iceServers: unknown = []): Promise<void> {
    const configuration = { iceServers: iceServers as RTCIceServer[], iceTransportPolicy: this.policy };
    const answer = await this.page.evaluate(
      ([sdp, servers]) => (globalThis as unknown as PlainPage).answer(sdp, servers),
      [offer, configuration] as const,
    );
    const body = { tube_id: this.tubeId, sdp: base64(answer), is_answer: true, generation };
    const applied = await this.control.call('set_remote_description', body);
    if (!applied.ok) this.errors.push(JSON.stringify(applied.error));
  }

  /** Signalling of one tube stays in order, as a careful controller keeps it. */
  #enqueue(work: () => Promise<unknown>): void {
    this.#chain = this.#chain.then(work).then(
      () => undefined,
      (error: unknown) => {
        this.errors.push(String(error));
      },
    );
  }
}
