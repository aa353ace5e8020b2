/**
 * What evidence means, for those who have it from the wire: the console, the command line, and the count of a node. Pure; the rules themselves are those
 * of the decision table.
 */
import { waitsToBeFollowed, type RestartTrigger } from '../../machines/policies/recovery.js';
import type { WireEvidence } from './flight.types.js';
import type { Incident } from './incident.types.js';

/** Its restart is held back only until a controller follows the tube, after a restart of the service; not by a storm. */
export const isUnfollowed = ({ held, suspect_share: suspectShare }: WireEvidence): boolean =>
  waitsToBeFollowed({ held, suspectShare });

/** Whose fault it looks like: of this host and service, of the peer and what is between, or nothing tells. */
export type Side = 'us' | 'them' | 'unclear';

export interface Suspicion {
  readonly side: Side;
  /** What speaks for it. */
  readonly sign: 'service' | 'storm' | 'route' | 'peer_signalling' | 'peer';
}

/** The service did it itself, whatever the way to the peer is. */
const ofService: readonly RestartTrigger[] = ['service_restart', 'crash'];

/** Of one incident, by what its first decision looked at. It weighs, it does not know. */
export function suspicionOf({ trigger, evidence }: Pick<Incident, 'trigger' | 'evidence'>): Suspicion {
  if (ofService.includes(trigger)) return { side: 'us', sign: 'service' };
  if (evidence === null) return { side: 'unclear', sign: 'route' };
  const { route, source, held, peer_signalling: peer } = evidence;
  if (held) return { side: 'us', sign: isUnfollowed(evidence) ? 'service' : 'storm' };
  if (route === 'none' || route === 'moved' || source === 'host') return { side: 'us', sign: 'route' };
  if (peer === 'offline') return { side: 'them', sign: 'peer_signalling' };
  if (source === 'peer') return { side: 'them', sign: 'peer' };
  return { side: route === 'same' ? 'them' : 'unclear', sign: 'route' };
}
