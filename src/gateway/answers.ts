/**
 * What an acknowledgement carries: `{ok: true, ...}` or `{ok: false, error}` (contract section 10), and the same error as HTTP and
 * handshake refusals use it. Texts come from the failure table; an error that is not an AppError is told as `service_internal`, no more.
 */
import { failureTable, type FailureCode } from '../../machines/failure.js';
import { AppError } from '../errors.js';

export type WireObject = Readonly<Record<string, unknown>>;

export interface WireError {
  readonly code: FailureCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly suggested_delay_ms?: number;
}

export type Answer = ({ readonly ok: true } & WireObject) | { readonly ok: false; readonly error: WireError };

/** Details may quote a client's own words; this keeps an answer small. */
const maxMessageLength = 400;

export function toWireError(error: unknown, suggestedDelayMs?: number): WireError {
  const known = error instanceof AppError ? error : new AppError('service_internal');
  const row = failureTable[known.code];
  const delayMs = suggestedDelayMs ?? ('suggestedDelayMs' in row ? row.suggestedDelayMs : undefined);
  return {
    code: known.code,
    message: known.message.slice(0, maxMessageLength),
    retryable: row.retryable,
    ...(delayMs === undefined ? {} : { suggested_delay_ms: delayMs }),
  };
}

/** An Error for `next()` of a socket.io middleware: the client finds the wire error in `data`. */
export function refusal(error: AppError, suggestedDelayMs?: number): Error & { data: WireError } {
  const data = toWireError(error, suggestedDelayMs);
  return Object.assign(new Error(data.message), { data });
}
