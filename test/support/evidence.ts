/** Evidence of a tube in no particular trouble, for tests that care about some of it. */
import type { Evidence } from '../../machines/policies/recovery.js';

export const evidenceOf = (known: Partial<Evidence> = {}): Evidence => ({
  trigger: 'missed_pings',
  source: 'tube',
  path: 'sound',
  missedPings: 0,
  missedSeqs: [],
  silentMs: 0,
  transport: 'connected',
  signalling: 'relayed',
  route: 'unknown',
  held: false,
  suspectShare: 0,
  ...known,
});
