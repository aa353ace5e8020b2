/** Records of tubes, for tests of stores. */
import type { TubeRecord } from '../../machines/events.js';
import { defaultSettings } from './settings.js';

export const recordOf = (tubeId: string, fields: Partial<TubeRecord> = {}): TubeRecord => ({
  tubeId,
  conversationId: 'conversation',
  tenant: 'tenant',
  peerTokenDigest: 'ab'.repeat(32),
  createdAtMs: 1_700_000_000_000,
  settings: defaultSettings,
  generation: 1,
  activeGeneration: null,
  peerKind: 'plain',
  dtlsRole: null,
  channels: [],
  peerSession: null,
  signalling: 'relayed',
  ...fields,
});
