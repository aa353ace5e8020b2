/**
 * The calls of /control that operators make: what the tubes of the tenant are doing, what happened to them, the node behind them, log levels, and
 * faults where they are allowed. Answers are the types of src/operator. Counts of the node are of all tenants and name no tube.
 */
import type {
  ClosedTubesAnswer,
  IncidentsAnswer,
  LogLevelsAnswer,
  SamplesAnswer,
  WatchTubesAnswer,
} from '../operator/operator.types.js';
import { call, type CallHandler, type CallResult } from './calls.js';
import type { Controller } from './controller.js';
import { nothing, oneTube } from './control-wire.js';
import type { OperatorEvent } from './events.js';
import type { Log } from './observer.port.js';
import * as wire from './operator-wire.js';
import type { OperatorDesk } from './operator.port.js';
import type { TubeFeed } from './tube-feed.js';
import { parse } from './wire.js';

export interface OperatorCallDeps {
  readonly desk: OperatorDesk;
  readonly feed: TubeFeed;
  readonly log: Log;
}

type Handler = CallHandler<Controller>;

export function operatorCalls(deps: OperatorCallDeps): Record<OperatorEvent, Handler> {
  return { ...watchingCalls(deps), ...readingCalls(deps), ...steeringCalls(deps) };
}

function watchingCalls({ feed }: OperatorCallDeps): Record<'watch_tubes' | 'unwatch_tubes', Handler> {
  return {
    watch_tubes: (controller, payload): CallResult => {
      parse(nothing, payload);
      const { total, begin } = controller.watchTubes(feed);
      return { answer: { total } satisfies WatchTubesAnswer, afterAck: begin };
    },
    unwatch_tubes: call(nothing, (controller) => {
      controller.unwatchTubes(feed);
      return {};
    }),
  };
}

type ReadingCall = 'get_node' | 'get_incidents' | 'get_samples' | 'list_closed' | 'get_log_levels';

function readingCalls({ desk }: OperatorCallDeps): Record<ReadingCall, Handler> {
  return {
    get_node: call(nothing, ({ isOperator }) => {
      const node = desk.node();
      return isOperator ? { ...node } : { ...node, network: { ...node.network, interfaces: [], last_change: null } };
    }),
    get_incidents: call(oneTube, (controller, { tubeId }) => {
      controller.requireKnown(tubeId);
      const incidents = desk.incidents(tubeId);
      // Forgotten is not the same as none.
      if (incidents === null) controller.require(tubeId);
      return { tube_id: tubeId, incidents: incidents ?? [] } satisfies IncidentsAnswer;
    }),
    get_samples: call(oneTube, (controller, { tubeId }) => {
      controller.require(tubeId);
      return { tube_id: tubeId, samples: desk.samples(tubeId) } satisfies SamplesAnswer;
    }),
    list_closed: call(nothing, ({ tenant }) => ({ tubes: desk.closed(tenant) }) satisfies ClosedTubesAnswer),
    get_log_levels: call(nothing, () => ({ levels: desk.logLevels() }) satisfies LogLevelsAnswer),
  };
}

function steeringCalls({ desk, log }: OperatorCallDeps): Record<'set_log_level' | 'inject_fault', Handler> {
  return {
    set_log_level: call(wire.setLogLevel, (controller, { target, level, ttlMs }) => {
      controller.requireOperator();
      const fields = { tenant: controller.tenant, log_target: target, log_level: level, ttl_ms: ttlMs };
      // Before it is: it may be this target that falls silent.
      log.info(fields, 'a controller changes a log level');
      return { ...desk.setLogLevel(target, level, ttlMs) };
    }),
    inject_fault: call(wire.injectFault, (controller, { tubeId, fault, durationMs }) => {
      controller.require(tubeId);
      desk.injectFault(tubeId, fault, durationMs);
      log.warn({ tube_id: tubeId, event: fault, duration_ms: durationMs }, 'a controller injected a fault');
      return {};
    }),
  };
}
