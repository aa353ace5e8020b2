/**
 * The closed list of event names that the gateway handles or sends: label values of its metrics. A name that a client makes up is
 * counted as `unknown`.
 */
/** Of controllers for operators (operator-calls.ts). */
const operatorEvents = [
  'watch_tubes',
  'unwatch_tubes',
  'get_node',
  'get_incidents',
  'get_samples',
  'list_closed',
  'get_log_levels',
  'set_log_level',
  'inject_fault',
] as const;
export type OperatorEvent = (typeof operatorEvents)[number];

export const controlEvents = [
  'create_tube',
  'set_remote_description',
  'add_ice_candidate',
  'restart_ice',
  'get_connection_state',
  'get_connection_stats',
  'get_tube',
  'export_history',
  'list_tubes',
  'close_tube',
  'update_activity',
  'report_network_change',
  'send',
  'subscribe',
  'unsubscribe',
  'set_resource_limits',
  'get_resource_limits',
  'check_capacity',
  ...operatorEvents,
] as const;
export type ControlEvent = (typeof controlEvents)[number];

export const peerEvents = [
  'hello',
  'answer',
  'icecandidate',
  'restart_request',
  'offer',
  'network_change',
  'bye',
] as const;
export type PeerEvent = (typeof peerEvents)[number];

export const inspectEvents = ['watch', 'unwatch'] as const;
export type InspectEvent = (typeof inspectEvents)[number];

/** Sent by the service. */
const outgoingEvents = [
  'inspect',
  'signal',
  'session',
  'draining',
  'tubes',
  'offer',
  'ice_restart_offer',
  'icecandidate',
  'closed',
] as const;

export const gatewayEvents: readonly string[] = [
  ...new Set([...controlEvents, ...peerEvents, ...inspectEvents, ...outgoingEvents, 'unknown']),
];
