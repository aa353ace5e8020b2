/** What a peer may say on /peer about its one tube (contract section 10). No socket.io here. */
import type { z } from 'zod';
import type { NetworkChangeType } from '../../machines/policies/recovery.js';
import { AppError } from '../errors.js';
import type { WireObject } from './answers.js';
import { aheadOfSignals, type CallHandler, type CallResult } from './calls.js';
import type { PeerEvent } from './events.js';
import type { Log } from './observer.port.js';
import type { OfferBudget } from './offer-budget.js';
import * as wire from './peer-wire.js';
import type { Tubes, TubeView } from './tubes.port.js';
import { detailOf, parse } from './wire.js';

/** One connected peer. */
export interface PeerCaller {
  readonly tubeId: string;
  /** It said something that could be read; `instance` where it said who it is. */
  spoke(instance: string | null): void;
  /** What it is told waits until the result is called. */
  hold(): () => void;
}

export interface PeerCallDeps {
  readonly tubes: Tubes;
  readonly offers: OfferBudget;
  readonly log: Log;
}

type Handler = CallHandler<PeerCaller>;

/** Parsing happens before anything is awaited (see CallHandler). */
function call<Schema extends z.ZodType>(
  schema: Schema,
  run: (tubeId: string, fields: z.output<Schema>) => WireObject | Promise<WireObject>,
  instanceOf: (fields: z.output<Schema>) => string | null = () => null,
): Handler {
  return (caller, payload) => {
    const fields = parse(schema, payload);
    caller.spoke(instanceOf(fields));
    const answer = run(caller.tubeId, fields);
    return answer instanceof Promise ? answer.then((fields) => ({ answer: fields })) : { answer };
  };
}

export const missingPeerCalls: ReadonlyMap<string, string> = new Map();

export function peerCalls(deps: PeerCallDeps): ReadonlyMap<string, Handler> {
  const calls: Record<PeerEvent, Handler> = {
    ...descriptionCalls(deps),
    ...statusCalls(deps),
    ...endingCalls(deps),
  };
  return new Map(Object.entries(calls));
}

function descriptionCalls({ tubes, offers }: PeerCallDeps): Record<'answer' | 'offer' | 'icecandidate', Handler> {
  return {
    answer: call(wire.answer, async (tubeId, { description, generation }) => {
      const applied = await tubes.remoteDescription(tubeId, description, generation);
      return { generation: applied.generation };
    }),
    offer: (caller, payload): Promise<CallResult> => {
      const { description } = parse(wire.offer, payload);
      caller.spoke(null);
      offers.spend(caller.tubeId);
      // Candidates of the new generation are of no use to a peer that has not got the answer yet.
      return aheadOfSignals(
        () => caller.hold(),
        async () => {
          const { generation, answer } = await tubes.remoteDescription(caller.tubeId, description, null);
          if (answer === null) throw new AppError('service_internal', 'no answer was made');
          return { answer: { type: answer.type, sdp: answer.sdp, generation } };
        },
      );
    },
    icecandidate: call(wire.icecandidate, async (tubeId, { candidate, mid, generation }) => {
      const added = await tubes.remoteCandidate(tubeId, candidate, mid, generation);
      return { generation: added.generation };
    }),
  };
}

/** What a peer reports, as a change of contract section 7; the rest shows no more than that it is there. */
const reportedChanges: ReadonlyMap<string, NetworkChangeType> = new Map([
  ['online', 'interface_change'],
  ['connection_type', 'interface_change'],
  ['ip_change', 'ip_change'],
]);

/** A restart may have to wait inside the tube; the peer takes a late acknowledgement for a dead socket. */
const restartPatienceMs = 2000;

function statusCalls({
  tubes,
  offers,
  log,
}: PeerCallDeps): Record<'hello' | 'restart_request' | 'network_change', Handler> {
  const restart = async (tubeId: string): Promise<WireObject> => {
    const { generation, alreadyInProgress } = await tubes.restart(tubeId, 'peer_request', false);
    return { generation, already_in_progress: alreadyInProgress };
  };
  return {
    hello: call(
      wire.hello,
      (tubeId, { generation }) => {
        const view = tubes.view(tubeId);
        if (view === null) throw new AppError('tube_unknown');
        // A peer that holds nothing while we hold a connection with it has lost its process or page.
        const hasRestarted = generation === 0 && view.activeGeneration !== null && tubes.pendingOffer(tubeId) === null;
        if (hasRestarted) tubes.peerReplaced(tubeId);
        return { tube_id: tubeId, state: view.state, generation: view.generation, ...setupOf(view, tubes) };
      },
      ({ instance }) => instance,
    ),
    restart_request: call(wire.restartRequest, (tubeId, { reason }) => {
      // It builds a native connection, as an offer does.
      offers.spend(tubeId);
      log.info({ tube_id: tubeId, reason }, 'a peer asks for a restart');
      return withinPatience(restart(tubeId));
    }),
    network_change: call(wire.networkChange, (tubeId, { type, data }) => {
      log.info({ tube_id: tubeId, event: type }, 'a peer reports a network change');
      const change = reportedChanges.get(type);
      tubes.activity(tubeId);
      if (change !== undefined) tubes.networkChanged([tubeId], change, 'peer', `${type} ${detailOf(data)}`.trim());
      return {};
    }),
  };
}

function endingCalls({ tubes, log }: PeerCallDeps): Record<'bye', Handler> {
  return {
    bye: (caller, payload) => {
      parse(wire.bye, payload);
      caller.spoke(null);
      log.info({ tube_id: caller.tubeId }, 'a peer closes its tube');
      // The end of a tube disconnects its peer, and the acknowledgement with it.
      return { answer: {}, afterAck: () => void tubes.close(caller.tubeId, 'peer_closed') };
    },
  };
}

/** The outcome of a restart, or `{waiting: true}`: it was accepted, and its offer comes when it comes. */
async function withinPatience(restart: Promise<WireObject>): Promise<WireObject> {
  let timer: NodeJS.Timeout | undefined;
  const waiting = new Promise<WireObject>((resolve) => {
    timer = setTimeout(() => resolve({ waiting: true }), restartPatienceMs);
  });
  return Promise.race([restart, waiting]).finally(() => clearTimeout(timer));
}

/** What a peer needs to build its RTCPeerConnection, now: TURN credentials in it expire. */
export function setupOf({ identity, settings }: TubeView, tubes: Tubes): WireObject {
  return { trickle_ice: settings.trickleIce, ice_servers: tubes.iceServers(identity.tubeId) };
}
