/**
 * A plain page in Chromium as a peer: the laboratory is its controller and relays signalling, through the UDP relay if there is one. The browser
 * runs in the namespace of the peer host (browser.ts).
 */
import type { Browser, BrowserContext, Page as Tab } from 'playwright-core';
import { redirectCandidate, withoutCandidates } from '../../../src/demo/linked-signalling.js';
import type { Controller, Signal } from '../../support/service.js';
import { setUpPage, type Page, type PageReport } from './plain-page.js';
import type { Peer } from './peer.port.js';
import type { RelayProcess } from './relay-process.js';
import type { Track } from './track.js';

export interface PlainPeerOptions {
  readonly browser: Browser;
  readonly control: Controller;
  readonly track: Track;
  readonly relay: RelayProcess | null;
  /** Of the page, which needs one; nothing is loaded from it but an empty answer. */
  readonly origin: string;
  /** The page makes a new RTCPeerConnection when an answer has not led to a connection after this; null: never. */
  readonly fallbackAfterMs: number | null;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const raw = (text: string): string => Buffer.from(text, 'base64').toString();
const openTimeoutMs = 20_000;

export class PlainPeer implements Peer {
  #context: BrowserContext | null = null;
  #tab: Tab | null = null;
  #chain: Promise<void> = Promise.resolve();
  #ignore: () => void;
  #fallback: NodeJS.Timeout | null = null;

  private constructor(private readonly options: PlainPeerOptions) {
    this.#ignore = options.control.onSignal((signal) => this.#relay(signal));
  }

  static async open(options: PlainPeerOptions): Promise<PlainPeer> {
    const peer = new PlainPeer(options);
    await peer.#load();
    const { sdp, generation, iceServers } = options.track.offer;
    peer.#offer(raw(sdp), generation, iceServers);
    try {
      const isOpen = (): boolean => (globalThis as unknown as Page).isOpen();
      await peer.#tab?.waitForFunction(isOpen, null, { timeout: openTimeoutMs });
    } catch (error) {
      await peer.end();
      throw error;
    }
    return peer;
  }

  /** After `kill`: the page is loaded again, and the controller asks for an offer that it can use. */
  async start(): Promise<void> {
    await this.#load();
    const body = { tube_id: this.options.track.tubeId, fresh: true };
    await this.options.control.call('restart_ice', body);
  }

  stream(everyMs: number): void {
    this.#run((here, ms) => here.stream(ms), everyMs);
  }

  async stop(): Promise<void> {
    await this.#tab?.evaluate(() => {
      const here = globalThis as unknown as Page;
      here.stream(null);
      here.flush();
    });
  }

  async kill(): Promise<void> {
    this.#watchForConnection(null);
    await this.#context?.close();
    this.#context = null;
    this.#tab = null;
  }

  async end(): Promise<void> {
    this.#ignore();
    await this.kill();
  }

  async #load(): Promise<void> {
    this.#context = await this.options.browser.newContext();
    const tab = await this.#context.newPage();
    await tab.goto(`${this.options.origin}/livez`);
    await tab.exposeFunction('tell', (report: PageReport) => this.#hear(report));
    await tab.evaluate(setUpPage, this.options.track.up.sent);
    this.#tab = tab;
  }

  #hear(report: PageReport): void {
    const { track, control, relay } = this.options;
    const { tubeId } = track;
    switch (report.kind) {
      case 'answer': {
        const sdp = relay === null ? report.sdp : withoutCandidates(report.sdp);
        const body = { tube_id: tubeId, sdp: base64(sdp), is_answer: true, generation: report.generation };
        this.#enqueue(() => control.ok('set_remote_description', body));
        return this.#watchForConnection(this.options.fallbackAfterMs);
      }
      case 'candidate': {
        const { candidate, generation } = report;
        if (relay !== null && candidate !== '') return;
        this.#enqueue(() => control.call('add_ice_candidate', { tube_id: tubeId, candidate, generation }));
        return;
      }
      case 'traffic':
        track.up.sent = report.sent;
        for (const arrival of report.arrivals) track.down.take(arrival);
        return;
      case 'closed':
        if (report.label === 'data') track.channelCloses += 1;
        return;
      case 'error':
        track.errors.push(report.text);
        return;
      case 'state':
        if (report.state === 'connected') this.#watchForConnection(null);
    }
  }

  #relay(signal: Signal): void {
    if (signal.tube_id !== this.options.track.tubeId) return;
    if (signal.kind === 'ice_restart_offer' && signal.progress_flag === 2) {
      this.#offer(raw(String(signal.data)), signal.generation, signal.ice_servers);
    } else if (signal.kind === 'icecandidate') {
      this.#enqueue(async () => {
        const { relay } = this.options;
        const given = String(signal.data);
        const candidate = relay === null || given === '' ? given : await redirectCandidate(given, relay.redirect);
        await this.#tab?.evaluate(([text, generation]) => (globalThis as unknown as Page).candidate(text, generation), [
          candidate,
          signal.generation,
        ] as const);
      });
    }
  }

  /** Without servers beside the offer the page keeps those that it has. */
  #offer(sdp: string, generation: number, servers: unknown): void {
    const iceServers = Array.isArray(servers) && servers.length > 0 ? (servers as RTCIceServer[]) : null;
    this.#enqueue(() =>
      this.#tab?.evaluate(([text, of, list]) => (globalThis as unknown as Page).offer(text, of, list), [
        sdp,
        generation,
        iceServers,
      ] as const),
    );
  }

  /** Starts waiting for `connected`, or stops it. */
  #watchForConnection(withinMs: number | null): void {
    if (this.#fallback !== null) clearTimeout(this.#fallback);
    this.#fallback = withinMs === null ? null : setTimeout(() => void this.#fallBack(), withinMs);
  }

  async #fallBack(): Promise<void> {
    const { control, track } = this.options;
    track.notes.push('the page made a new RTCPeerConnection');
    await this.#tab?.evaluate(() => (globalThis as unknown as Page).renew());
    await control.call('restart_ice', { tube_id: track.tubeId, fresh: true });
  }

  #run<Argument>(what: (here: Page, argument: Argument) => void, argument: Argument): void {
    const script = `(${what.toString()})(globalThis, ${JSON.stringify(argument)})`;
    void this.#tab?.evaluate(script).catch((error: unknown) => this.options.track.errors.push(String(error)));
  }

  /** Signalling of one tube stays in order, as a careful controller keeps it. */
  #enqueue(work: () => Promise<unknown> | undefined): void {
    this.#chain = this.#chain.then(work).then(
      () => undefined,
      (error: unknown) => void this.options.track.errors.push(String(error)),
    );
  }
}
