/**
 * The calls of /control: each takes its parsed fields, does one thing to the tubes and answers with wire fields (contract section 10).
 * No socket.io here; tubes are reached through `controller.require` only, which is the wall between tenants.
 */
import { failureTable } from '../../machines/failure.js';
import { AppError } from '../errors.js';
import type { WireObject } from './answers.js';
import { aheadOfSignals, call, type CallHandler, type CallResult } from './calls.js';
import * as wire from './control-wire.js';
import type { Controller } from './controller.js';
import type { TubeCreator } from './create-tube.js';
import type { ControlEvent } from './events.js';
import type { TubeRow } from '../operator/operator.types.js';
import type { OfferBudget } from './offer-budget.js';
import { operatorCalls, type OperatorCallDeps } from './operator-calls.js';
import type { SignalPublisher } from './publisher.js';
import type { Tubes, TubeView } from './tubes.port.js';
import { pageOf, settingsOf, statsToWire, stateToWire, tubeToWire } from './views.js';
import { decodeBase64, encodeBase64, parse } from './wire.js';

export interface ControlCallDeps extends OperatorCallDeps {
  readonly tubes: Tubes;
  readonly publisher: SignalPublisher;
  readonly creator: TubeCreator;
  readonly offers: OfferBudget;
}

type Handler = CallHandler<Controller>;

/** Names that a client may expect here and that come with a later version. */
export const missingControlCalls: ReadonlyMap<string, string> = new Map([
  ['open_tunnel', 'Tunnels are not available in this version.'],
  ['close_tunnel', 'Tunnels are not available in this version.'],
  ['complete_ice_restart', 'Applying the answer with set_remote_description completes a restart.'],
]);

export function controlCalls(deps: ControlCallDeps): ReadonlyMap<string, Handler> {
  const calls: Record<ControlEvent, Handler> = {
    ...signallingCalls(deps),
    ...readingCalls(deps),
    ...steeringCalls(deps),
    ...subscriptionCalls(deps),
    ...limitCalls(deps),
    ...operatorCalls(deps),
  };
  return new Map(Object.entries(calls));
}

type SignallingCall = 'create_tube' | 'set_remote_description' | 'add_ice_candidate' | 'restart_ice';

function signallingCalls({ tubes, publisher, creator, offers }: ControlCallDeps): Record<SignallingCall, Handler> {
  return {
    create_tube: (controller, payload): Promise<CallResult> =>
      creator.create(controller, parse(wire.createTube, payload)),
    set_remote_description: (controller, payload): Promise<CallResult> => {
      const { tubeId, description, generation } = parse(wire.setRemoteDescription, payload);
      controller.require(tubeId);
      if (description.type === 'offer') offers.spend(tubeId);
      const apply = async (): Promise<WireObject> => {
        const applied = await tubes.remoteDescription(tubeId, description, generation);
        const answer = applied.answer === null ? {} : { answer: encodeBase64(applied.answer.sdp) };
        return { ...answer, generation: applied.generation };
      };
      if (description.type === 'answer') return apply().then((answer) => ({ answer }));
      // A page adds candidates to the description that it has: those of the new generation must not come before the answer.
      return aheadOfSignals(() => publisher.hold(tubeId), apply);
    },
    add_ice_candidate: call(wire.addIceCandidate, async (controller, { tubeId, candidate, mid, generation }) => {
      controller.require(tubeId);
      const added = await tubes.remoteCandidate(tubeId, candidate, mid, generation);
      return { generation: added.generation };
    }),
    restart_ice: call(wire.restartIce, async (controller, { tubeId, fresh }) => {
      controller.require(tubeId);
      const { description, generation, alreadyInProgress } = await tubes.restart(tubeId, 'manual', fresh);
      const ice = { ice_servers: tubes.iceServers(tubeId) };
      return { offer: encodeBase64(description.sdp), generation, already_in_progress: alreadyInProgress, ...ice };
    }),
  };
}

type ReadingCall = 'get_connection_state' | 'get_connection_stats' | 'get_tube' | 'list_tubes' | 'export_history';

function readingCalls({ tubes, publisher, desk }: ControlCallDeps): Record<ReadingCall, Handler> {
  const toWire = (view: TubeView): WireObject => tubeToWire(view, publisher.lastSeq(view.identity.tubeId));
  return {
    get_connection_state: call(wire.oneTube, (controller, { tubeId }) => stateToWire(controller.require(tubeId))),
    get_connection_stats: call(wire.oneTube, async (controller, { tubeId }) => {
      controller.require(tubeId);
      const stats = await tubes.stats(tubeId);
      if (stats === null) throw new AppError('tube_unknown');
      return { tube_id: tubeId, ...statsToWire(stats) };
    }),
    get_tube: call(wire.getTube, (controller, { tubeId, history }) => {
      const view = controller.require(tubeId);
      const row: TubeRow | null = desk.row(tubeId);
      const tube = { ...toWire(view), settings: settingsOf(view), row };
      if (!history) return tube;
      const { entries, dropped } = tubes.history(tubeId);
      return { ...tube, history: entries, history_dropped: dropped };
    }),
    export_history: call(wire.oneTube, (controller, { tubeId }) => {
      controller.requireKnown(tubeId);
      const flight = tubes.flight(tubeId);
      // It closed too long ago, or nothing is recorded here.
      if (flight === null) throw new AppError('tube_unknown');
      return { flight };
    }),
    list_tubes: call(wire.listTubes, (controller, query) => {
      const { page, nextCursor } = pageOf(controller.ownTubes(), query);
      return { tubes: page.map(toWire), next_cursor: nextCursor };
    }),
  };
}

type SteeringCall = 'close_tube' | 'update_activity' | 'report_network_change' | 'send';

function steeringCalls({ tubes, log }: ControlCallDeps): Record<SteeringCall, Handler> {
  return {
    close_tube: call(wire.closeTube, async (controller, { tubeId, reason }) => {
      const answer = { tube_id: tubeId, close_reason: 'requested', ...(reason === undefined ? {} : { reason }) };
      // A repeated call after a lost acknowledgement is no error.
      if (controller.wasClosed(tubeId)) return { ...answer, already_closed: true };
      controller.require(tubeId);
      log.info({ tube_id: tubeId, reason }, 'a controller closes a tube');
      const isThere = tubes.close(tubeId, 'requested');
      // Whoever is told that a tube is closed does not find it again, whatever happens to this process.
      await tubes.saved();
      return { ...answer, already_closed: !isThere };
    }),
    update_activity: call(wire.oneTube, (controller, { tubeId }) => {
      controller.require(tubeId);
      tubes.activity(tubeId);
      return {};
    }),
    report_network_change: call(wire.reportNetworkChange, (controller, { tubeId, change, detail }) => {
      const tubeIds = tubeId === null ? [...controller.ownTubes()].map(({ identity }) => identity.tubeId) : [tubeId];
      if (tubeId !== null) controller.require(tubeId);
      log.info({ tube_id: tubeId, tenant: controller.tenant, event: change }, 'a controller reports a network change');
      return { tubes: tubes.networkChanged(tubeIds, change, 'controller', detail) };
    }),
    send: call(wire.send, (controller, { tubeId, channel, data, encoding }) => {
      controller.require(tubeId);
      const failure = tubes.send(tubeId, channel, encoding === 'utf8' ? data : bytesOf(data));
      if (failure !== null) throw new AppError(failure);
      return {};
    }),
  };
}

type SubscriptionCall = 'subscribe' | 'unsubscribe';

function subscriptionCalls({ tubes, publisher }: ControlCallDeps): Record<SubscriptionCall, Handler> {
  return {
    subscribe: (controller, payload): CallResult => {
      const tubeIds = controller.subscribe(parse(wire.subscription, payload)).map(({ identity }) => identity.tubeId);
      return {
        answer: { tubes: tubeIds.map((tubeId) => ({ tube_id: tubeId, last_seq: publisher.lastSeq(tubeId) })) },
        afterAck: () => tubeIds.forEach((tubeId) => tubes.followed(tubeId)),
      };
    },
    unsubscribe: call(wire.subscription, (controller, subscription) => {
      controller.unsubscribe(subscription);
      return {};
    }),
  };
}

type LimitCall = 'set_resource_limits' | 'get_resource_limits' | 'check_capacity';

function limitCalls({ tubes, log }: ControlCallDeps): Record<LimitCall, Handler> {
  return {
    set_resource_limits: call(wire.resourceLimits, (controller, patch) => {
      controller.requireOperator();
      const { tenant } = controller;
      const limits = tubes.limits.set(patch);
      log.info({ tenant, limits }, 'a controller changed the resource limits');
      return { limits };
    }),
    get_resource_limits: call(wire.nothing, () => ({ limits: tubes.limits.get() })),
    check_capacity: call(wire.nothing, () => {
      const { used, free, refusal } = tubes.limits.capacity();
      const row = refusal === null ? null : failureTable[refusal];
      const delay = row !== null && 'suggestedDelayMs' in row ? { suggested_delay_ms: row.suggestedDelayMs } : {};
      return { can_create: refusal === null, refusal, used, free, ...delay };
    }),
  };
}

function bytesOf(base64: string): Uint8Array {
  const bytes = decodeBase64(base64);
  if (bytes === null) throw new AppError('input_schema', 'data: expected base64');
  return bytes;
}
