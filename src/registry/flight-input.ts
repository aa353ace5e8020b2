/**
 * From an event of a tube to an input of its flight file (src/replay/flight-inputs.ts has the words): a pure mapping. No SDP, no text of candidates, no
 * addresses, no tokens, no payloads; free text is clipped, and what looks like a secret or an address in it is hidden.
 */
import type { TubeEvent } from '../../machines/events.js';
import type { CandidateEnd, ChannelRecord } from '../../machines/ports/transport.port.js';
import { withoutAddresses } from '../free-text.js';
import type { NotedInput } from '../replay/flight-inputs.js';
import { clip, detailOf, freeText } from './flight-entry.js';

type Event<Type extends TubeEvent['type']> = Extract<TubeEvent, { type: Type }>;

const textOf = (text: string): string => clip(withoutAddresses(freeText(text)));
const endOf = ({ type, protocol }: CandidateEnd): { type: string; protocol: string } => ({
  type: clip(type),
  protocol: clip(protocol),
});
export const channelOf = ({ label, id, class: kind }: ChannelRecord) => ({ label: clip(label), id, class: kind });

function remoteApplied(event: Event<'transport.remoteApplied'>) {
  const { peerKind, sameConnection, newConnection, dtlsRole } = event;
  const connection = { same_connection: sameConnection, new_connection: newConnection };
  return { peer_kind: peerKind, ...connection, dtls_role: dtlsRole };
}

function nodeChanged({ node: { route, held, suspectShare } }: Event<'tube.nodeChanged'>) {
  return {
    ...(route === undefined ? {} : { route }),
    ...(held === undefined ? {} : { held }),
    ...(suspectShare === undefined ? {} : { suspect_share: suspectShare }),
  };
}

function ofRequest(event: TubeEvent, at_ms: number): NotedInput | null {
  switch (event.type) {
    case 'tube.remoteDescription':
      return { event: event.type, at_ms, type: event.description.type, generation: event.generation };
    case 'tube.restart':
      return { event: event.type, at_ms, trigger: event.trigger, fresh: event.fresh };
    case 'tube.close':
      return { event: event.type, at_ms, reason: event.reason };
    case 'tube.peerSignalling':
      return { event: event.type, at_ms, online: event.online };
    case 'tube.peerReplaced':
      return { event: event.type, at_ms };
    case 'tube.networkChanged': {
      const { change, source, detail, route } = event;
      return { event: event.type, at_ms, change, source, detail: textOf(detail), route };
    }
    case 'tube.nodeChanged':
      return { event: event.type, at_ms, ...nodeChanged(event) };
    default:
      return null;
  }
}

function ofReport(event: TubeEvent, at_ms: number): NotedInput | null {
  switch (event.type) {
    case 'transport.described':
      return { event: event.type, at_ms, generation: event.generation, type: event.description.type };
    case 'transport.remoteApplied':
      return { event: event.type, at_ms, generation: event.generation, ...remoteApplied(event) };
    case 'transport.stateChanged':
      return { event: event.type, at_ms, generation: event.generation, state: event.state };
    case 'transport.iceConnected':
    case 'transport.closed':
      return { event: event.type, at_ms, generation: event.generation };
    case 'transport.up': {
      const channels = (event.channels ?? []).map(channelOf);
      return { event: event.type, at_ms, generation: event.generation, channels };
    }
    case 'transport.selectedPair': {
      const pair = { local: endOf(event.pair.local), remote: endOf(event.pair.remote) };
      return { event: event.type, at_ms, generation: event.generation, ...pair };
    }
    case 'transport.down':
      return { event: event.type, at_ms, generation: event.generation, cause: event.cause };
    case 'transport.channelOpened':
      return { event: event.type, at_ms, generation: event.generation, channel: channelOf(event.channel) };
    case 'transport.channelClosed': {
      const { generation, label, id, reason } = event;
      return { event: event.type, at_ms, generation, label: clip(label), id, reason: textOf(reason) };
    }
    case 'transport.refused':
    case 'transport.failed': {
      const { generation, failure } = event;
      return { event: event.type, at_ms, generation, code: failure.code, detail: textOf(detailOf(failure)) };
    }
    default:
      return null;
  }
}

/** Null for what comes all the time (it is added up), and for what only passes through the chart: our candidates, and that the peer's were taken. */
export const inputOf = (event: TubeEvent, atMs: number): NotedInput | null =>
  ofRequest(event, atMs) ?? ofReport(event, atMs);
