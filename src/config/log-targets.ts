/**
 * The names of the log targets and levels (contract section 13). A leaf: the configuration schema checks against them, and
 * src/observability/logger.ts makes one logger of each target.
 */
export const logTargets = [
  'webrtc_lifecycle',
  'webrtc_ice_restart',
  'webrtc_keepalive',
  'webrtc_activity',
  'webrtc_ice',
  'webrtc_native',
  'resource_management',
  'signalling',
  'service',
] as const;
export type LogTarget = (typeof logTargets)[number];

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];
