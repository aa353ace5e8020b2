/** What both entries of the peer library export besides `createPeer`. */
export { HoldfastPeer } from './peer.js';
export { PeerError, type PeerErrorCode } from './peer-error.js';
export type { PeerEvents, PeerOptions, PeerState, PeerStats } from './peer.types.js';
export type { PeerEnvironment, Schedule } from './environment.port.js';
export type { FailureReason, RestartPhase } from './generation-set.js';
export type {
  Hello,
  NetworkChange,
  NetworkChangeType,
  OutgoingMessage,
  Signalling,
  SignallingHandlers,
  SignallingStatus,
} from './signalling.port.js';
export { libraryVersion } from './version.js';
