/** Our library over a controller that relays its signalling (docs/peer.md), so that a test decides what gets through. */
import { createPeer, type HoldfastPeer, type OutgoingMessage, type SignallingHandlers } from '../../src/peer/node.js';
import type { Answer, Controller, Signal } from './service.js';

export interface RelayedPeer {
  readonly peer: HoldfastPeer;
  /** False: what the peer says does not reach the service from now on. */
  relays: boolean;
  /** Ends the peer and the relay. The tube stays. */
  end(): void;
}

interface CandidateSignal extends Signal {
  readonly sdp_mid?: string;
}

/** @param created the answer of `create_tube` */
export function relayPeer(control: Controller, created: Answer): RelayedPeer {
  const tubeId = String(created['tube_id']);
  let handlers: SignallingHandlers | null = null;
  const pass = (signal: CandidateSignal): void => {
    const { tube_id: id, kind, data, generation, sdp_mid: sdpMid } = signal;
    if (id !== tubeId) return;
    if (kind === 'icecandidate') handlers?.receive('icecandidate', { candidate: data, sdpMid, generation });
    if (kind === 'ice_restart_offer' && data !== '') handlers?.receive('ice_restart_offer', { sdp: data, generation });
  };
  const missed = [...control.signals];
  const off = control.onSignal(pass);
  const relayed: RelayedPeer = {
    relays: true,
    peer: createPeer({
      signalling: {
        start: (given) => {
          handlers = given;
          handlers.status({ status: 'online' });
          handlers.receive('offer', { sdp: created['offer'], generation: 1 });
          for (const signal of missed) pass(signal);
        },
        send: (message) => {
          if (relayed.relays) void say(control, tubeId, message);
        },
        stop: off,
      },
    }),
    end: () => {
      relayed.relays = false;
      relayed.peer.close();
    },
  };
  return relayed;
}

/** Interfaces of a shared machine come and go: only what a test does itself is reported. */
async function say(control: Controller, tubeId: string, { event, data }: OutgoingMessage): Promise<void> {
  const { generation } = data as { readonly generation?: number };
  if (event === 'answer')
    await control.call('set_remote_description', { tube_id: tubeId, sdp: data.sdp, is_answer: true, generation });
  if (event === 'icecandidate') {
    const { candidate, sdpMid } = data;
    await control.call('add_ice_candidate', { tube_id: tubeId, candidate, sdp_mid: sdpMid, generation });
  }
}
