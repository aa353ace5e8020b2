/**
 * What evidence means, for those who have it from the wire: the console, the command line. Pure; the rules themselves are those of the decision table.
 */
import { waitsToBeFollowed } from '../../machines/policies/recovery.js';
import type { WireEvidence } from './flight.types.js';

/** Its restart is held back only until a controller follows the tube, after a restart of the service; not by a storm. */
export const isUnfollowed = ({ held, suspect_share: suspectShare }: WireEvidence): boolean =>
  waitsToBeFollowed({ held, suspectShare });
