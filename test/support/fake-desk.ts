/** The desk of operators without a service: rows that a test puts in, and what it was asked for. Used by the gateway tests. */
import type { TubeIdentity } from '../../machines/events.js';
import { AppError } from '../../src/errors.js';
import type { OperatorDesk } from '../../src/gateway/operator.port.js';
import type { ClosedTubeRow, LogLevelRow, NodeView, TubeRow } from '../../src/operator/operator.types.js';

export const rowOf = ({ tubeId, conversationId, createdAtMs }: TubeIdentity, generation = 1): TubeRow => ({
  tube_id: tubeId,
  conversation_id: conversationId,
  state: 'connected',
  since_ms: createdAtMs,
  reason: 'a path works',
  created_at_ms: createdAtMs,
  generation,
  incident: null,
  next: null,
  rtt_ms: 12.5,
  loss: 0,
  score: 1,
  pair: 'host/srflx udp',
  recovered: 1,
  incidents: 1,
});

export class FakeDesk implements OperatorDesk {
  readonly tubes = new Map<string, { readonly identity: TubeIdentity; row: TubeRow }>();
  readonly asked: unknown[][] = [];
  allowsFaults = false;
  /** Of all tubes what happened to them. */
  hasForgotten = false;
  readonly #listeners = new Set<(identity: TubeIdentity) => void>();

  /** Those who listen for rows. */
  get listeners(): number {
    return this.#listeners.size;
  }

  put(identity: TubeIdentity, row: TubeRow = rowOf(identity)): void {
    this.tubes.set(identity.tubeId, { identity, row });
    this.#tell(identity);
  }

  remove(identity: TubeIdentity): void {
    this.tubes.delete(identity.tubeId);
    this.#tell(identity);
  }

  #tell(identity: TubeIdentity): void {
    for (const listener of this.#listeners) listener(identity);
  }

  row(tubeId: string): TubeRow | null {
    return this.tubes.get(tubeId)?.row ?? null;
  }

  *tubesOf(tenant: string): Generator<string> {
    for (const [tubeId, { identity }] of this.tubes) if (identity.tenant === tenant) yield tubeId;
  }

  onRow(listener: (identity: TubeIdentity) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  incidents(tubeId: string): ReturnType<OperatorDesk['incidents']> {
    this.asked.push(['incidents', tubeId]);
    return this.hasForgotten ? null : [];
  }

  samples(tubeId: string): ReturnType<OperatorDesk['samples']> {
    this.asked.push(['samples', tubeId]);
    return [{ at_ms: 1, rtt_ms: 2, loss: null, bytes_in: 3, bytes_out: 4 }];
  }

  closed(tenant: string): readonly ClosedTubeRow[] {
    this.asked.push(['closed', tenant]);
    return [];
  }

  node(): NodeView {
    const network: NodeView['network'] = {
      watching: 'events',
      interfaces: [{ name: 'eth0', addresses: ['192.0.2.1'] }],
      last_change: { at_ms: 1, type: 'ip_change', detail: 'new: eth0 192.0.2.1' },
    };
    return { node_id: 'node-1', fault_injection: this.allowsFaults, network } as Partial<NodeView> as NodeView;
  }

  logLevels(): readonly LogLevelRow[] {
    return [{ target: 'service', level: 'info', until_ms: null, base: 'info' }];
  }

  setLogLevel(target: string, level: string, ttlMs: number | null): LogLevelRow {
    this.asked.push(['setLogLevel', target, level, ttlMs]);
    return { target, level, until_ms: ttlMs, base: 'info' };
  }

  injectFault(...args: Parameters<OperatorDesk['injectFault']>): void {
    if (!this.allowsFaults) throw new AppError('service_not_allowed');
    this.asked.push(['injectFault', ...args]);
  }
}
