/** The socket.io types of the gateway, in one place, and the names of the rooms on /control. */
import type { DefaultEventsMap, Namespace, Server, Socket } from 'socket.io';
import type { TubeIdentity } from '../../machines/events.js';

/** What the handshake established; set by its middleware before anything else sees the socket. */
export interface SocketData {
  /** /control: whose tubes this socket sees. */
  tenant?: string;
  /** /peer: the one tube of this socket. */
  tubeId?: string;
}

export type GatewayServer = Server<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, SocketData>;
export type GatewayNamespace = Namespace<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, SocketData>;
export type GatewaySocket = Socket<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, SocketData>;

const tubePrefix = 'tube:';

export const tubeRoom = (tubeId: string): string => `${tubePrefix}${tubeId}`;
/** The length keeps a tenant and a conversation that contain colons from naming another tenant's room. */
export const conversationRoom = (tenant: string, conversationId: string): string =>
  `conversation:${String(tenant.length)}:${tenant}:${conversationId}`;
export const tenantRoom = (tenant: string): string => `all:${tenant}`;

/** Those who watch the list of the tenant's tubes; no signal goes there. */
export const feedRoom = (tenant: string): string => `feed:${tenant}`;

export function roomsOf(identity: TubeIdentity): string[] {
  return [
    tubeRoom(identity.tubeId),
    conversationRoom(identity.tenant, identity.conversationId),
    tenantRoom(identity.tenant),
  ];
}

/** Null when the room is not that of a tube. */
export const tubeOfRoom = (room: string): string | null =>
  room.startsWith(tubePrefix) ? room.slice(tubePrefix.length) : null;
