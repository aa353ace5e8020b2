/**
 * A node without tubes that speaks like one: the calls and events of operators (docs/api.md) over real sockets, with thousands of rows that change as
 * often as a test says, and the built console at /console/. For the console's own tests and for measuring it; nothing here decides anything.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import { Server, type Namespace, type Socket } from 'socket.io';
import { createHttpApp } from '../../src/gateway/http.js';
import type { FlightEntry } from '../../src/operator/flight.types.js';
import type { ClosedTubeRow, LogLevelRow, NodeView, TubeRow, TubesBatch } from '../../src/operator/operator.types.js';
import { fakeIncidents, fakeNodeView, fakeRow, fakeRows, fakeSamples } from './fake-rows.js';
import { Random } from './random.js';

const fakeToken = 'fake-token';

const publicDir = fileURLToPath(new URL('../../dist/public', import.meta.url));
const batchRows = 500;
/** As the service: changes are told at most twice a second. */
const tellEveryMs = 500;
const ignore = (): void => undefined;
/** What a row says of a path it says while there is one. */
const hasPath = ({ pair }: TubeRow): boolean => pair !== null;

type Fields = Readonly<Record<string, unknown>>;
type Call = (fields: Fields) => Fields | null;

export class FakeNode {
  readonly token = fakeToken;
  /** Calls in the order they came, without those that only read. */
  readonly asked: { readonly call: string; readonly fields: Fields }[] = [];
  readonly rows = new Map<string, TubeRow>();
  readonly closed: ClosedTubeRow[] = [];
  url = '';
  /** False: who watches is told no rows at first. */
  pictures = true;
  readonly #http = createServer();
  readonly #io = new Server(this.#http, { transports: ['websocket'], serveClient: false });
  readonly #control: Namespace;
  readonly #inspect: Namespace;
  readonly #random = new Random(3);
  readonly #changed = new Set<string>();
  readonly #gone: string[] = [];
  #timers: NodeJS.Timeout[] = [];
  #levels: LogLevelRow[] = ['webrtc_keepalive', 'webrtc_ice_restart', 'webrtc_ice', 'webrtc_lifecycle'].map(
    (target) => ({
      target,
      level: 'info',
      until_ms: null,
      base: 'info',
    }),
  );

  constructor(tubes: number) {
    for (const row of fakeRows(tubes, 1, Date.now())) this.rows.set(row.tube_id, row);
    this.#control = this.#namespace('/control');
    this.#inspect = this.#namespace('/inspect');
    this.#control.on('connection', (socket) => this.#serveControl(socket));
    this.#inspect.on('connection', (socket) => this.#serveInspect(socket));
  }

  async start(): Promise<void> {
    const app = createHttpApp({
      publicDir,
      isReady: () => true,
      metrics: async () => ({ contentType: 'text/plain', body: '' }),
      info: () => ({ version: '0.0.0' }),
      isDraining: () => false,
      tubePages: null,
      log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    });
    const listener = getRequestListener(app.fetch);
    this.#http.on('request', (request, response) => {
      if (request.url?.startsWith('/socket.io') !== true) void listener(request, response);
    });
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
    this.#timers.push(setInterval(() => this.#tell(), tellEveryMs));
  }

  async stop(): Promise<void> {
    this.#timers.forEach(clearInterval);
    this.#timers = [];
    await this.#io.close();
  }

  /** Changes so many rows a second from now on; 0: none. */
  churn(perSecond: number): void {
    this.#timers.splice(1).forEach(clearInterval);
    if (perSecond === 0) return;
    const ids = [...this.rows.keys()];
    const timer = setInterval(() => {
      for (let n = 0; n < perSecond / 10; n += 1) {
        const index = this.#random.below(ids.length);
        this.set(fakeRow(index, this.#random, Date.now()));
      }
    }, 100);
    this.#timers.push(timer);
  }

  /** Every connection breaks; clients come back by themselves. */
  drop(): void {
    for (const socket of this.#control.sockets.values()) socket.conn.close();
  }

  set(row: TubeRow): void {
    this.rows.set(row.tube_id, row);
    this.#changed.add(row.tube_id);
  }

  close(tubeId: string): void {
    const row = this.rows.get(tubeId);
    if (row === undefined) return;
    this.rows.delete(tubeId);
    this.#gone.push(tubeId);
    const { tube_id, conversation_id, created_at_ms } = row;
    this.closed.unshift({ tube_id, conversation_id, created_at_ms, closed_at_ms: Date.now(), reason: 'requested' });
  }

  #tell(): void {
    const changed = [...this.#changed].flatMap((id) => this.rows.get(id) ?? []);
    const gone = this.#gone.splice(0);
    this.#changed.clear();
    if (changed.length + gone.length === 0) return;
    const batch: TubesBatch = { at_ms: Date.now(), begins: false, complete: false, changed, gone };
    this.#control.to('watchers').emit('tubes', batch);
  }

  #namespace(name: string): Namespace {
    const namespace = this.#io.of(name);
    namespace.use((socket, next) => {
      const refused = Object.assign(new Error('The token is not accepted.'), { data: { code: 'auth_invalid' } });
      next(socket.handshake.auth.token === this.token ? undefined : refused);
    });
    return namespace;
  }

  #serveControl(socket: Socket): void {
    const calls: Readonly<Record<string, Call>> = {
      ...this.#reading(),
      ...this.#steering(),
      ...this.#watching(socket),
    };
    socket.onAny((call: string, fields: Fields, ack: unknown) => {
      const answer = calls[call]?.(fields) ?? null;
      if (typeof ack !== 'function') return;
      const error = { code: 'tube_unknown', message: 'There is no such tube.', retryable: false };
      (ack as (answer: object) => void)(answer === null ? { ok: false, error } : { ok: true, ...answer });
    });
  }

  #watching(socket: Socket): Record<string, Call> {
    return {
      watch_tubes: () => {
        void socket.join('watchers');
        const rows = [...this.rows.values()];
        for (let from = 0; this.pictures && (from === 0 || from < rows.length); from += batchRows) {
          const changed = rows.slice(from, from + batchRows);
          const complete = from + batchRows >= rows.length;
          const batch: TubesBatch = { at_ms: Date.now(), begins: from === 0, complete, changed, gone: [] };
          setImmediate(() => socket.emit('tubes', batch));
        }
        return { total: rows.length };
      },
      unwatch_tubes: () => {
        void socket.leave('watchers');
        return {};
      },
    };
  }

  #row({ tube_id: id }: Fields): TubeRow | undefined {
    return this.rows.get(String(id));
  }

  #reading(): Record<string, Call> {
    return {
      get_node: () => ({ ...fakeNodeView(this.#counts(), Date.now()) }),
      get_incidents: (fields) => {
        const row = this.#row(fields) ?? fakeRow(1, new Random(2), Date.now(), 'connected');
        return { tube_id: fields['tube_id'], incidents: fakeIncidents({ ...row, recovered: 3 }, Date.now()) };
      },
      get_samples: (fields) => ({ tube_id: fields['tube_id'], samples: fakeSamples(Date.now()) }),
      list_closed: () => ({ tubes: this.closed }),
      get_tube: (fields) => this.#tube(fields),
      get_connection_stats: (fields) => this.#stats(fields),
      get_log_levels: () => ({ levels: this.#levels }),
      export_history: ({ tube_id: id }) => ({ flight: { format: 'holdfast-flight', version: 1, tube_id: id } }),
    };
  }

  #steering(): Record<string, Call> {
    const noted = (call: string, run: Call): Record<string, Call> => ({
      [call]: (fields) => {
        this.asked.push({ call, fields });
        return run(fields);
      },
    });
    return {
      ...noted('restart_ice', (fields) => (this.#row(fields) === undefined ? null : { generation: 2 })),
      ...noted('inject_fault', () => ({})),
      ...noted('close_tube', (fields) => {
        this.close(String(fields['tube_id']));
        return { close_reason: 'requested' };
      }),
      ...noted('set_log_level', ({ target, level, ttl_ms: ttlMs }) => {
        const untilMs = typeof ttlMs === 'number' ? Date.now() + ttlMs : null;
        this.#levels = this.#levels.map((row) =>
          row.target === target ? { ...row, level: String(level), until_ms: untilMs } : row,
        );
        return {};
      }),
    };
  }

  #counts(): NodeView['tubes'] {
    const counts = { initializing: 0, connecting: 0, connected: 0, degraded: 0, failed: 0, closed: 0 };
    for (const { state } of this.rows.values()) counts[state] += 1;
    return counts;
  }

  #tube(fields: Fields): Fields | null {
    const row = this.#row(fields);
    if (row === undefined) return null;
    const history: FlightEntry[] = fakeIncidents({ ...row, recovered: 3 }, Date.now()).flatMap(({ entries }, place) =>
      entries.map((entry) => ({ ...entry, seq: place * 100 + entry.seq })),
    );
    return {
      ...row,
      transport_state: hasPath(row) ? 'connected' : row.state === 'failed' ? 'closed' : 'new',
      active_generation: hasPath(row) ? row.generation : null,
      trickle_ice: true,
      peer_kind: 'overlap',
      channels: [
        { label: 'control', id: 0, class: 'reliable' },
        { label: 'data', id: 2, class: 'reliable' },
      ],
      last_activity_at_ms: Date.now(),
      last_seq: 47,
      history: history.sort((left, right) => left.at_ms - right.at_ms),
      history_dropped: 12,
    };
  }

  #stats(fields: Fields): Fields | null {
    const row = this.#row(fields);
    if (row === undefined) return null;
    const end = { type: 'host', protocol: 'UDP', address: '10.20.4.17', port: 51_234 };
    return {
      bytes_sent: 8_400_000,
      bytes_received: 21_300_000,
      packet_loss_rate: row.loss,
      rtt_ms: row.rtt_ms,
      jitter_ms: 1.4,
      buffered_bytes: 0,
      messages_sent: 48_211,
      messages_received: 90_002,
      selected_pair:
        row.pair === null ? null : { local: end, remote: { ...end, address: '198.51.100.7', type: 'srflx' } },
      generations: hasPath(row) ? [{ generation: row.generation, state: 'connected', active: true }] : [],
      quality: hasPath(row) ? { score: row.score, verdict: 'good', scores: [0.97, 0.98, 1, 0.96] } : null,
    };
  }

  #serveInspect(socket: Socket): void {
    socket.on('watch', ({ tube_id: id }: { readonly tube_id: string }, ack: (answer: object) => void) => {
      const row = this.rows.get(id);
      if (row === undefined)
        return ack({ ok: false, error: { code: 'tube_unknown', message: 'There is no such tube.' } });
      ack({ ok: true });
      const value = row.state === 'degraded' ? { degraded: { restarting: 'doubtful' } } : row.state;
      const actor = (name: string, state: unknown): object => ({
        type: '@xstate.actor',
        sessionId: `${id}-${name}`,
        rootId: `${id}-tube`,
        name,
        createdAt: String(Date.now()),
        definition: '{}',
        _version: '0.7.2',
        snapshot: { status: 'active', value: state },
      });
      const children = [
        ...(row.state === 'degraded' ? [actor('restart', { attempting: 'awaitingAnswer' })] : []),
        actor('keepalive', 'waiting'),
        actor('health', 'waiting'),
      ];
      socket.emit('inspect', [actor('tube', value), ...children], { tube_id: id, skipped: 0, ended: false });
    });
  }
}
