/**
 * The failure table: every error code of the service, once. A code is `family_detail`; its row says whether a retry can help, what an
 * operator should read in the log, and what a controller or peer is told. Inside machines a failure is plain data (`Failure`); at the
 * edges it becomes an `AppError` (src/gateway). Nothing compares failures by text, only by code.
 */

interface FailureRow {
  /** True when the same call may succeed later without being changed. */
  readonly retryable: boolean;
  /** For the operator's log. */
  readonly operator: string;
  /** For the controller or peer: what was wrong and what to do. */
  readonly peer: string;
  /** A wait that the caller is advised to make before a retry, in milliseconds. */
  readonly suggestedDelayMs?: number;
}

const row = (retryable: boolean, operator: string, peer: string, suggestedDelayMs?: number): FailureRow =>
  suggestedDelayMs === undefined ? { retryable, operator, peer } : { retryable, operator, peer, suggestedDelayMs };

export const failureTable = {
  auth_missing: row(false, 'Handshake without a token.', 'A token is required in handshake.auth.token.'),
  auth_invalid: row(false, 'Handshake with a token that is not known.', 'The token is not accepted.'),
  input_schema: row(false, 'A frame did not fit its schema.', 'The request has missing, wrong or unknown fields.'),
  input_too_large: row(false, 'A frame or field was over its size cap.', 'The request is too large.'),
  input_unknown_event: row(false, 'A frame named an event that does not exist.', 'There is no such event.'),
  input_sdp: row(false, 'A session description was refused.', 'The session description is not usable here.'),
  input_candidate: row(false, 'A candidate was refused.', 'The candidate is not usable.'),
  tube_unknown: row(false, 'A call named a tube that is not here.', 'There is no such tube.'),
  tube_closed: row(false, 'A call came for a closed tube.', 'The tube is closed.'),
  tube_state: row(
    true,
    'A call does not fit the state of the tube.',
    'The tube is not in a state that allows this.',
    1000,
  ),
  limit_ice_agents: row(
    true,
    'max_concurrent_ice_agents is reached.',
    'The node has no room for another connection.',
    5000,
  ),
  limit_creates: row(
    true,
    'Too many tubes are being created at once.',
    'Too many tubes are being created at once.',
    500,
  ),
  limit_subscriptions: row(
    false,
    'A controller holds too many subscriptions.',
    'Too many subscriptions on this socket.',
  ),
  rate_exceeded: row(true, 'A client sent faster than its rate limit.', 'Too many requests.', 1000),
  restart_trickle_disabled: row(
    false,
    'ICE restart refused: the tube was created with trickle_ice false.',
    'This tube was created with trickle_ice: false, so it cannot be restarted.',
  ),
  restart_in_progress: row(
    true,
    'ICE restart already in progress, skipping duplicate request',
    'A restart is already in progress.',
    1000,
  ),
  restart_breaker_open: row(
    true,
    'ICE restart refused: the circuit breaker is open.',
    'Too many restarts failed; wait.',
    30000,
  ),
  restart_peer_away: row(
    true,
    'ICE restart waits: the signalling socket of the peer is down.',
    'The restart waits for the peer to return.',
    1000,
  ),
  restart_no_network: row(
    true,
    'ICE restart waits: the network of this node is down or unsound.',
    'The node waits for its own network.',
    1000,
  ),
  restart_exhausted: row(
    false,
    'All restart attempts of the incident failed.',
    'The connection could not be restored.',
  ),
  signalling_unexpected_answer: row(
    false,
    'An answer came that nobody waits for.',
    'No offer is waiting for an answer.',
  ),
  signalling_unexpected_offer: row(
    true,
    'An offer came while our own offer is pending.',
    'Answer the pending offer instead.',
    1000,
  ),
  signalling_stale_generation: row(
    false,
    'A description or candidate of a dead generation.',
    'That generation no longer exists.',
  ),
  signalling_candidate_overflow: row(false, 'A peer sent more candidates than are kept.', 'Too many candidates.'),
  transport_init: row(
    true,
    'The native peer connection could not be built.',
    'The connection could not be set up.',
    1000,
  ),
  transport_gather_timeout: row(
    true,
    'ICE gathering did not end in iceGatherTimeoutMs.',
    'Gathering of candidates took too long.',
    1000,
  ),
  transport_answer_timeout: row(
    true,
    'ICE restart answer timeout - no response from remote peer after 15s',
    'The peer did not answer the restart offer.',
  ),
  transport_timeout: row(true, 'A generation did not come up in time.', 'The connection did not come up in time.'),
  transport_down: row(true, 'The native connection was lost.', 'The connection was lost.'),
  channel_unknown: row(false, 'A message named a channel that the tube does not have.', 'There is no such channel.'),
  channel_not_open: row(true, 'A message came for a channel that is not open.', 'The channel is not open yet.', 500),
  channel_full: row(true, 'The outgoing buffer of a channel is full.', 'The outgoing buffer is full; slow down.', 250),
  channel_message_too_large: row(
    false,
    'A message was over maxMessageBytes.',
    'The message is larger than this tube carries.',
  ),
  service_draining: row(true, 'A create came while draining.', 'This node is shutting down; use another.', 1000),
  service_not_allowed: row(
    false,
    'A call was refused that the configuration does not allow.',
    'This node is not configured to allow that.',
  ),
  service_timeout: row(true, 'The tube did not react to a call in time.', 'The call took too long.', 1000),
  service_internal: row(true, 'An internal error; see the log.', 'Internal error.', 1000),
} as const satisfies Record<string, FailureRow>;

export type FailureCode = keyof typeof failureTable;

/** A failure as data: `code` from the table, `detail` for people (never parsed, no secrets). */
export interface Failure {
  readonly code: FailureCode;
  readonly detail: string;
}

/** Why a tube was closed: the closed enum of the contract, section 12. */
export const closeReasons = [
  'requested',
  'peer_closed',
  'session_timeout',
  'restart_exhausted',
  'breaker_open',
  'answer_timeout',
  'trickle_disabled',
  'connect_timeout',
  'gather_timeout',
  'limit',
  'crashed',
  'shutdown',
  'replaced',
  'internal',
] as const;
export type CloseReason = (typeof closeReasons)[number];

const wanted: readonly CloseReason[] = ['requested', 'peer_closed', 'shutdown', 'replaced'];

/** Somebody wanted the tube closed: neither a failed connection nor a lost one. A tube in trouble that its session ends was lost. */
export const isWantedEnd = (reason: CloseReason): boolean => wanted.includes(reason);
