/** Signals of the service and events of the peer library, each as one readable sentence. Pure. Null: nothing worth a line. */
import type { PeerEvents } from '../../peer/peer.types.js';
import type { Fields, Signal } from '../socket/control-client.js';
import { clipped, inMs } from '../format.js';

export function signalSentence(signal: Signal): string | null {
  const { kind, data } = signal;
  const fields = (typeof data === 'object' && data !== null ? data : {}) as Fields;
  switch (kind) {
    case 'connection_state_changed':
      return stateSentence(signal);
    case 'icecandidate':
      return candidateSentence('The service', asText(data), signal.generation);
    case 'ice_restart_offer':
      return restartSentence(signal);
    case 'channel_opened':
      return `Channel “${asText(fields.label)}” is open (stream ${asText(fields.id)}).`;
    case 'channel_closed':
      return `Channel “${asText(fields.label)}” is closed: ${asText(fields.reason)}.`;
    case 'message':
      return `A message came on “${asText(fields.channel)}”: ${clipped(asText(fields.payload), 80)}`;
    case 'recovered':
      return `Recovered, attempts ${asText(fields.attempts)}, trigger ${asText(fields.trigger)}, outage ${inMs(Number(fields.outage_ms))}.`;
    case 'quality':
      return `Quality is ${asText(fields.verdict)}, score ${Number(fields.score).toFixed(2)}.`;
    case 'keepalive':
      return `The tube lives; last activity ${asText(data)} s ago.`;
    case 'session_timeout_warning':
      return `Without messages the tube will be closed in ${asText(data)} s.`;
    default:
      return clipped(JSON.stringify(data));
  }
}

function stateSentence({ data, transport_state: transport, reason }: Signal): string {
  if (data === 'closed') return `The tube is closed: ${reason ?? 'no reason given'}.`;
  return `The tube is ${asText(data)}; its connection is ${transport ?? 'unknown'}.`;
}

function restartSentence({ generation, progress_flag: flag, progress_status: status }: Signal): string {
  if (flag === 2) return `Generation ${generation} is offered; the answer is awaited.`;
  if (flag === 0) return `Generation ${generation} works: the restart is complete.`;
  return `${status.replace(/\.$/, '')} (generation ${generation}).`;
}

/** foundation component protocol priority address port typ type (RFC 8839 §5.1) */
function candidateSentence(who: string, candidate: string, generation: number): string {
  const parts = candidate.split(' ');
  if (candidate === '') return `${who} has named all its addresses (generation ${generation}).`;
  return `${who} can be reached at ${parts[4] ?? '?'}:${parts[5] ?? '?'}, ${parts[7] ?? '?'} over ${(parts[2] ?? '?').toLowerCase()} (generation ${generation}).`;
}

/** One event of the peer library. `message` has its own list. */
export type PeerNews = {
  [Name in Exclude<keyof PeerEvents, 'message'>]: { readonly name: Name; readonly event: PeerEvents[Name] };
}[Exclude<keyof PeerEvents, 'message'>];

export function peerSentence({ name, event }: PeerNews): string {
  switch (name) {
    case 'state':
      return `The peer is ${event.state}${event.reason === null ? '' : ` (${event.reason})`}; it was ${event.previous}.`;
    case 'generation':
      return `Outgoing messages take generation ${event.generation} from now on.`;
    case 'channel':
      return `Channel “${event.channel}” is ${event.state === 'opened' ? 'open' : 'closed'}.`;
    case 'signalling':
      return event.status === 'reconnecting'
        ? `Signalling tries again in ${inMs(event.delayMs ?? 0)}.`
        : `Signalling is ${event.status}.`;
    case 'restart':
      return phaseSentence(event);
    case 'error':
      return `Error ${event.message}`;
  }
}

function phaseSentence({ generation, phase, durationMs, reason }: PeerEvents['restart']): string {
  const since = `${inMs(durationMs)} after the offer`;
  switch (phase) {
    case 'offered':
      return `The service offers generation ${generation}; a second connection is made.`;
    case 'answered':
      return `Generation ${generation} is answered, ${since}.`;
    case 'up':
      return `Generation ${generation} is up, ${since}.`;
    case 'cut_over':
      return `The channels have moved to generation ${generation}.`;
    case 'failed':
      return `Generation ${generation} did not work: ${reason ?? 'unknown'}, ${since}.`;
  }
}

function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '?';
}
