/**
 * What runs in the laboratory's page: the plain page of docs/peer.md (one RTCPeerConnection, every offer applied to it, pongs, no sending while it
 * reconnects), with a numbered stream. Self-contained: playwright serialises `setUpPage`. Driven by plain-peer.ts.
 */
import type { Arrival } from './peer-wire.js';

/** What the page says to the laboratory. */
export type PageReport =
  | { readonly kind: 'answer'; readonly sdp: string; readonly generation: number }
  | { readonly kind: 'candidate'; readonly candidate: string; readonly generation: number }
  | { readonly kind: 'state'; readonly state: string; readonly atMs: number }
  | { readonly kind: 'closed'; readonly label: string }
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'traffic'; readonly arrivals: readonly Arrival[]; readonly sent: number };

/** What the laboratory calls in the page. */
export interface Page {
  offer(sdp: string, generation: number, iceServers: RTCIceServer[] | null): Promise<void>;
  candidate(candidate: string, generation: number): Promise<void>;
  stream(everyMs: number | null): void;
  flush(): void;
  /** A new RTCPeerConnection: the documented way out when the old one is beyond repair. */
  renew(): void;
  isOpen(): boolean;
  tell(report: PageReport): void;
}

export function setUpPage(sentBefore: number): void {
  const here = globalThis as unknown as Page;
  let pc: RTCPeerConnection;
  let data: RTCDataChannel | null = null;
  let generation = 0;
  let paused = true;
  let sent = sentBefore;
  let timer: ReturnType<typeof setInterval> | undefined;
  let arrivals: Arrival[] = [];

  const pong = (channel: RTCDataChannel, bytes: Uint8Array): void => {
    if (bytes[2] === 0x49) channel.send(Uint8Array.of(0, 0x50, 0x4f, 0x4e, 0x47, ...bytes.subarray(5)));
  };
  const take = (text: string): void => {
    const [number = NaN, sentAtMs = NaN] = text.split(' ').map(Number);
    arrivals.push({ number, sentAtMs, atMs: Date.now() });
  };
  const adopt = (channel: RTCDataChannel): void => {
    channel.binaryType = 'arraybuffer';
    if (channel.label === 'data') data = channel;
    channel.onmessage = ({ data: message }) => {
      if (channel.label === 'control') pong(channel, new Uint8Array(message as ArrayBuffer));
      else take(String(message));
    };
    channel.onclose = () => here.tell({ kind: 'closed', label: channel.label });
  };
  const connect = (): void => {
    const made = new RTCPeerConnection();
    pc = made;
    paused = true;
    made.ondatachannel = ({ channel }) => adopt(channel);
    made.onicecandidate = ({ candidate }) =>
      here.tell({ kind: 'candidate', candidate: candidate?.candidate ?? '', generation });
    made.onconnectionstatechange = () => {
      if (made !== pc) return;
      if (made.connectionState === 'connected') paused = false;
      here.tell({ kind: 'state', state: made.connectionState, atMs: Date.now() });
    };
  };
  connect();

  here.offer = async (sdp, of, iceServers) => {
    if (of <= generation) return;
    generation = of;
    paused = true;
    if (iceServers !== null) pc.setConfiguration({ iceServers });
    await pc.setRemoteDescription({ type: 'offer', sdp });
    await pc.setLocalDescription();
    here.tell({ kind: 'answer', sdp: pc.localDescription?.sdp ?? '', generation });
  };
  here.candidate = async (candidate, of) => {
    if (of === generation) await pc.addIceCandidate({ candidate, sdpMid: '0' });
  };
  here.flush = () => {
    here.tell({ kind: 'traffic', arrivals, sent });
    arrivals = [];
  };
  here.stream = (everyMs) => {
    clearInterval(timer);
    if (everyMs === null) return;
    timer = setInterval(() => {
      if (paused || data?.readyState !== 'open') return;
      data.send(`${String(sent + 1)} ${String(Date.now())}`);
      sent += 1;
    }, everyMs);
  };
  here.renew = () => {
    pc.close();
    connect();
  };
  here.isOpen = () => data?.readyState === 'open' && !paused;
  setInterval(() => {
    if (arrivals.length > 0) here.flush();
  }, 20);
}
