/**
 * Takes the frames of one namespace: rate, name, schema, handler, acknowledgement. One frame is one call or an array of calls; each call
 * is answered by its own answer and cannot throw, whatever the frame was. Event names are looked up in a closed map and never reach an
 * event emitter or a statechart. Driven by socket.io through `attach`; what the calls do is in control-calls.ts and peer-calls.ts.
 */
import type { z } from 'zod';
import type { FailureCode } from '../../machines/failure.js';
import { AppError } from '../errors.js';
import { toWireError, type Answer, type WireObject } from './answers.js';
import type { GatewayObserver, Log, Role } from './observer.port.js';
import type { RateLimit, RateVerdict } from './limits.js';
import type { GatewaySocket } from './sockets.js';
import { maxArrayItems, parse } from './wire.js';

export interface CallResult {
  readonly answer: WireObject;
  /** Runs once the acknowledgement is on its way, also when the client wanted none. */
  readonly afterAck?: () => void;
}

/**
 * Throws or rejects with AppError. It must reach the tube before it waits for anything: calls are started in the order in which they
 * came, and that is what keeps the signalling of one tube in order.
 */
export type CallHandler<Caller> = (caller: Caller, payload: unknown) => CallResult | Promise<CallResult>;

/** A call that answers with plain fields. Parsing and tube look-up happen before anything is awaited (see CallHandler). */
export function call<Caller, Schema extends z.ZodType>(
  schema: Schema,
  run: (caller: Caller, fields: z.output<Schema>) => WireObject | Promise<WireObject>,
): CallHandler<Caller> {
  return (caller, payload) => {
    const answer = run(caller, parse(schema, payload));
    return answer instanceof Promise ? answer.then((fields) => ({ answer: fields })) : { answer };
  };
}

/**
 * A call whose acknowledgement must come first: what `hold` keeps back follows it. When the work fails it goes out at once, for then there
 * is nothing to wait for. The result of `hold` lets go.
 */
export async function aheadOfSignals(hold: () => () => void, work: () => Promise<WireObject>): Promise<CallResult> {
  const release = hold();
  try {
    return { answer: await work(), afterAck: release };
  } catch (error) {
    release();
    throw error;
  }
}

export interface CallDeskOptions<Caller> {
  readonly role: Role;
  readonly calls: ReadonlyMap<string, CallHandler<Caller>>;
  /** Texts for names that a client may well expect to find here. */
  readonly missing: ReadonlyMap<string, string>;
  readonly rate: RateLimit;
  readonly observer: GatewayObserver;
  readonly log: Log;
}

type Ack = (answer: unknown) => void;

interface Done {
  readonly answer: Answer;
  readonly afterAck?: () => void;
}

interface Frame {
  readonly event: unknown;
  readonly args: readonly unknown[];
  readonly ack: Ack | null;
}

export class CallDesk<Caller> {
  readonly #options: CallDeskOptions<Caller>;
  readonly #running = new Set<Promise<void>>();

  constructor(options: CallDeskOptions<Caller>) {
    this.#options = options;
  }

  attach(socket: GatewaySocket, caller: Caller): void {
    socket.onAny((event: unknown, ...args: unknown[]) => {
      const run = this.#receive(socket, caller, toFrame(event, args)).catch((err: unknown) => {
        this.#options.log.error({ err }, 'a frame could not be handled');
      });
      this.#running.add(run);
      void run.finally(() => this.#running.delete(run));
    });
  }

  /** Resolves when the calls that run now are answered. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #receive(socket: GatewaySocket, caller: Caller, frame: Frame): Promise<void> {
    const startedAtMs = performance.now();
    const { event } = frame;
    const name = typeof event === 'string' && this.#options.calls.has(event) ? event : 'unknown';
    const done = (await this.#refuse(socket, name, frame)) ?? (await this.#run(caller, name, frame));
    this.#acknowledge(frame, done);
    for (const { answer } of [done].flat()) this.#count(name, answer);
    this.#options.observer.handled(name, (performance.now() - startedAtMs) / 1000);
  }

  /** Null when the frame may be run. */
  async #refuse(socket: GatewaySocket, name: string, frame: Frame): Promise<Done | null> {
    const { payload, isExtra } = payloadOf(frame);
    const cost = Array.isArray(payload) ? Math.min(Math.max(payload.length, 1), maxArrayItems) : 1;
    const verdict = await this.#options.rate(socket.id, cost);
    if (!verdict.allowed) return this.#overRate(socket, verdict);
    if (name === 'unknown') return refused('input_unknown_event', this.#options.missing.get(String(frame.event)) ?? '');
    if (isExtra) return refused('input_schema', 'an event carries one object, or an array of objects');
    if (Array.isArray(payload) && payload.length > maxArrayItems)
      return refused('input_too_large', `at most ${String(maxArrayItems)} items`);
    return null;
  }

  #overRate(socket: GatewaySocket, verdict: RateVerdict): Done {
    this.#options.observer.rateLimited(this.#options.role);
    if (verdict.isFlood) {
      this.#options.log.warn({ event: 'flood' }, 'a client was disconnected because it floods');
      socket.disconnect(true);
    }
    return { answer: { ok: false, error: toWireError(new AppError('rate_exceeded'), verdict.delayMs) } };
  }

  async #run(caller: Caller, name: string, frame: Frame): Promise<Done | Done[]> {
    const { payload } = payloadOf(frame);
    const handler = this.#options.calls.get(name);
    if (handler === undefined) return refused('input_unknown_event', '');
    if (!Array.isArray(payload)) return this.#call(handler, caller, payload);
    return Promise.all(payload.map((item: unknown) => this.#call(handler, caller, item)));
  }

  /** Calls the handler at once, so that the items of an array are started in their order. */
  async #call(handler: CallHandler<Caller>, caller: Caller, payload: unknown): Promise<Done> {
    try {
      const { answer, afterAck } = await handler(caller, payload);
      return { answer: { ...answer, ok: true }, ...(afterAck === undefined ? {} : { afterAck }) };
    } catch (error) {
      if (!(error instanceof AppError)) this.#options.log.error({ err: error }, 'a call failed unexpectedly');
      return { answer: { ok: false, error: toWireError(error) } };
    }
  }

  #count(name: string, answer: Answer): void {
    this.#options.observer.message(name, 'in', answer.ok ? 'ok' : 'error');
    if (!answer.ok) this.#options.observer.refusal(answer.error.code);
  }

  #acknowledge({ ack }: Frame, done: Done | Done[]): void {
    try {
      ack?.(Array.isArray(done) ? done.map(({ answer }) => answer) : done.answer);
    } finally {
      for (const { afterAck } of [done].flat()) this.#guard(afterAck);
    }
  }

  #guard(afterAck: (() => void) | undefined): void {
    try {
      afterAck?.();
    } catch (err) {
      this.#options.log.error({ err }, 'a call failed after its acknowledgement');
    }
  }
}

function toFrame(event: unknown, args: unknown[]): Frame {
  const last = args.at(-1);
  // JSON carries no functions: a function is always socket.io's own acknowledgement.
  return typeof last === 'function' ? { event, args: args.slice(0, -1), ack: last as Ack } : { event, args, ack: null };
}

/** A call without a payload means one without fields. */
function payloadOf({ args }: Frame): { readonly payload: unknown; readonly isExtra: boolean } {
  return { payload: args.length === 0 ? {} : args[0], isExtra: args.length > 1 };
}

const refused = (code: FailureCode, detail: string): Done => ({
  answer: { ok: false, error: toWireError(new AppError(code, detail)) },
});
