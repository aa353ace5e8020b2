/**
 * What operators are told and may do, as the gateway asks for it (operator.port.ts): the book and the flight recorder for tubes, the rooms for the
 * node, the log for its levels, and faults where the configuration allows them. It only puts together; app.ts builds it.
 */
import type { Config } from './config/load.js';
import { logLevels, logTargets } from './config/log-targets.js';
import { AppError } from './errors.js';
import type { OperatorDesk } from './gateway/operator.port.js';
import type { NodeRecovery } from './node-recovery.js';
import type { Logging } from './observability/logger.js';
import { withEntries } from './operator/incident.js';
import type { Fault, LogLevelRow, NodeView } from './operator/operator.types.js';
import { ProcessLoad } from './process-load.js';
import type { FlightRecorder } from './registry/flight-recorder.js';
import type { IncidentBook } from './registry/incident-book.js';
import type { TubeRegistry } from './registry/tube-registry.js';
import type { TransportHost } from './transport/transport-host.js';
import type { TubeStore } from './tube-store.js';

export interface ServiceDeskParts {
  readonly book: IncidentBook;
  readonly recorder: FlightRecorder;
  readonly registry: TubeRegistry;
  readonly host: Pick<TransportHost, 'injectFault'>;
  readonly recovery: Pick<NodeRecovery, 'storm' | 'network'>;
  readonly records: Pick<TubeStore, 'outlivesProcess' | 'isSound'>;
  readonly logging: Logging;
  readonly config: Pick<Config, 'profile' | 'recoveryPolicy' | 'faultInjection'>;
  readonly nodeId: string;
  readonly version: string;
  readonly isDraining: () => boolean;
  readonly resources: () => NodeView['limits'];
}

export class ServiceDesk implements OperatorDesk {
  readonly #parts: ServiceDeskParts;
  readonly #load = new ProcessLoad();
  readonly #startedAtMs = Date.now();

  constructor(parts: ServiceDeskParts) {
    this.#parts = parts;
  }

  readonly row: OperatorDesk['row'] = (tubeId) => this.#parts.book.row(tubeId);
  readonly tubesOf: OperatorDesk['tubesOf'] = (tenant) => this.#parts.book.tubesOf(tenant);
  readonly onRow: OperatorDesk['onRow'] = (listener) => this.#parts.book.onRow(listener);
  readonly samples: OperatorDesk['samples'] = (tubeId) => this.#parts.book.samples(tubeId);
  readonly closed: OperatorDesk['closed'] = (tenant) => this.#parts.book.closed(tenant);
  readonly logLevels: OperatorDesk['logLevels'] = () => this.#parts.logging.rows();

  incidents(tubeId: string) {
    const { entries } = this.#parts.recorder.history(tubeId);
    return this.#parts.book.incidents(tubeId)?.map((facts) => withEntries(facts, entries)) ?? null;
  }

  node(): NodeView {
    const { book, config, nodeId, version, isDraining, resources, recovery, records } = this.#parts;
    return {
      node_id: nodeId,
      version,
      started_at_ms: this.#startedAtMs,
      now_ms: Date.now(),
      profile: config.profile,
      recovery_policy: config.recoveryPolicy,
      draining: isDraining(),
      tubes: book.states(),
      limits: resources(),
      storm: recovery.storm,
      event_loop: this.#load.eventLoop(),
      memory: this.#load.memory(),
      store: { kind: records.outlivesProcess ? 'embedded' : 'memory', sound: records.isSound },
      fault_injection: config.faultInjection,
      network: recovery.network,
      blame: book.blame(),
      trend: book.trend(),
    };
  }

  setLogLevel(target: string, level: string, ttlMs: number | null): LogLevelRow {
    const { logging } = this.#parts;
    const known = logTargets.find((name) => name === target);
    const wanted = logLevels.find((name) => name === level);
    if (known === undefined) throw new AppError('input_schema', `target: one of ${logTargets.join(', ')}`);
    if (wanted === undefined) throw new AppError('input_schema', `level: one of ${logLevels.join(', ')}`);
    logging.setLevel(known, wanted, ttlMs);
    const row = logging.rows().find((each) => each.target === known);
    if (row === undefined) throw new AppError('service_internal');
    return row;
  }

  injectFault(tubeId: string, fault: Fault, durationMs: number): void {
    const { config, host, registry } = this.#parts;
    if (!config.faultInjection) throw new AppError('service_not_allowed', 'faultInjection is off');
    if (fault === 'network_change') {
      const change = { change: 'ip_change', source: 'host', detail: 'injected', route: 'moved' } as const;
      registry.deliver(tubeId, { type: 'tube.networkChanged', ...change, atMs: Date.now() });
    } else if (!host.injectFault(tubeId, fault, durationMs))
      throw new AppError('tube_state', 'it has no path to break');
  }
}
