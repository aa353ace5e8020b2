/**
 * One tube as the laboratory follows it: the stream to the peer (sent here, through the controller), the stream from the peer (arrives here), and the
 * story that signals and log lines tell. The peer's half is reported by whoever holds the peer.
 */
import type { Answer, Controller, Signal } from '../../support/service.js';
import { readMessage, writeMessage } from './peer-wire.js';
import type { LogLine, ServiceProcess } from './service-process.js';
import { StreamMeter } from './stream.js';

export interface Incident {
  /** The first sign that the service had noticed: a state, a decision, an offer. */
  readonly detectedAtMs: number | null;
  readonly attempts: number;
  readonly triggers: readonly string[];
  /** Attempts at the same time, at most. */
  readonly inFlight: number;
  /** Lines for people, with the milliseconds since the event. */
  readonly story: readonly string[];
}

const offering = 2;
const maxStoryLines = 40;
/** What a restart is about; the rest of the log would drown it. */
const storyTargets = new Set(['webrtc_ice_restart', 'webrtc_lifecycle', 'network']);

export class Track {
  readonly up = new StreamMeter();
  readonly down = new StreamMeter();
  readonly signals: Signal[] = [];
  readonly errors: string[] = [];
  /** What else is worth saying. */
  readonly notes: string[] = [];
  /** Of application channels, as the peer saw them. */
  channelCloses = 0;
  readonly tubeId: string;
  readonly token: string;
  /** Base64, as the service sends it. */
  readonly offer: { readonly sdp: string; readonly generation: number; readonly iceServers: unknown };
  #timer: NodeJS.Timeout | null = null;
  readonly #ignore: () => void;

  /** @param created what `create_tube` answered */
  constructor(
    private readonly control: Controller,
    private readonly service: ServiceProcess,
    created: Answer,
  ) {
    this.tubeId = String(created['tube_id']);
    this.token = String(created['peer_token']);
    const generation = Number(created['generation']);
    this.offer = { sdp: String(created['offer']), generation, iceServers: created['ice_servers'] };
    this.#ignore = control.onSignal((signal) => this.#hear(signal));
  }

  /** A message every `everyMs` from now on. */
  stream(everyMs: number): void {
    this.stop();
    this.#timer = setInterval(() => this.#send(), everyMs);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Nothing is taken note of afterwards. */
  end(): void {
    this.stop();
    this.#ignore();
  }

  /** What happened since that moment. */
  incident(sinceMs: number): Incident {
    const lines = this.#lines().filter(({ atMs }) => atMs >= sinceMs);
    const signs = [
      ...lines.filter(({ target }) => target === 'webrtc_ice_restart').map(({ atMs }) => atMs),
      ...this.signals.filter((signal) => signal.at >= sinceMs && isSign(signal)).map(({ at }) => at),
    ];
    const started = lines.filter(({ msg }) => msg === 'ICE restart attempt started');
    return {
      detectedAtMs: signs.length === 0 ? null : Math.min(...signs),
      attempts: started.length,
      triggers: [...new Set(started.map(({ fields }) => String(fields['trigger'])))],
      inFlight: mostInFlight(lines),
      story: lines
        .filter(({ target }) => storyTargets.has(target))
        .slice(0, maxStoryLines)
        .map((line) => sentence(line, sinceMs)),
    };
  }

  #lines(): LogLine[] {
    return this.service.log.filter(({ tubeId, target }) => tubeId === this.tubeId || target === 'network');
  }

  #send(): void {
    const number = (this.down.sent += 1);
    const body = { tube_id: this.tubeId, channel: 'data', data: writeMessage(number, Date.now()) };
    this.control.socket.emit('send', body, (answer: { ok: boolean }) => {
      if (!answer.ok) this.down.refused += 1;
    });
  }

  #hear(signal: Signal): void {
    if (signal.tube_id !== this.tubeId) return;
    if (signal.kind !== 'message') return void this.signals.push(signal);
    const { payload } = signal.data as { payload: string };
    this.up.take({ ...readMessage(payload), atMs: Date.now() });
  }
}

function isSign({ kind, data, progress_flag: flag }: Signal): boolean {
  if (kind === 'ice_restart_offer') return flag === offering;
  return kind === 'network_change_detected' || (kind === 'connection_state_changed' && data === 'degraded');
}

/** An attempt begins with one line, and ends with one that names its outcome. */
function mostInFlight(lines: readonly LogLine[]): number {
  let running = 0;
  let most = 0;
  for (const { msg, target, fields } of lines) {
    if (target !== 'webrtc_ice_restart') continue;
    if (msg === 'ICE restart attempt started') running += 1;
    else if (typeof fields['outcome'] === 'string') running = Math.max(0, running - 1);
    most = Math.max(most, running);
  }
  return most;
}

const dullFields = new Set(['level', 'node_id', 'conversation_id']);

function sentence({ atMs, msg, fields }: LogLine, sinceMs: number): string {
  const details = Object.entries(fields)
    .filter(([name, value]) => !dullFields.has(name) && value !== null)
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${String(atMs - sinceMs).padStart(6)} ms  ${msg}${details.length === 0 ? '' : ` (${details.join(', ')})`}`;
}
