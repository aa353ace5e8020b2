/**
 * Records as text: `{"v":1,"record":{…}}`. What is read is checked like any input, because another version wrote it, or a failing disk. A setting
 * that its writer did not know yet has its default; one that we do not know is dropped.
 */
import { z } from 'zod';
import type { TubeRecord } from '../../machines/events.js';
import { tubeShape } from '../config/tube-keys.js';

const version = 1;
/** What a peer may open in one tube, and what the settings may list; with room to spare. */
const maxChannels = 256;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const channelClass = z.enum(['reliable', 'latest']);

const recordSchema: z.ZodType<TubeRecord> = z.object({
  tubeId: z.string().min(1).max(64),
  conversationId: z.string().max(1024),
  tenant: z.string().max(256),
  peerTokenDigest: sha256,
  createdAtMs: z.number(),
  creationDigest: sha256.exactOptional(),
  settings: z.object({
    ...tubeShape,
    trickleIce: z.boolean(),
    profile: z.string().max(64).exactOptional(),
    recoveryPolicy: z.string().max(64).exactOptional(),
  }),
  generation: z.int().min(0),
  activeGeneration: z.int().nullable(),
  peerKind: z.enum(['plain', 'overlap']),
  dtlsRole: z.enum(['active', 'passive']).nullable(),
  channels: z
    .array(z.object({ label: z.string().max(1024), id: z.int().min(0).max(65_535), class: channelClass }))
    .max(maxChannels),
  peerSession: z.string().max(64).nullable(),
  signalling: z.enum(['relayed', 'direct']),
});

const envelopeSchema = z.object({ v: z.int().min(1), record: z.unknown() });

export function encodeRecord(record: TubeRecord): string {
  return JSON.stringify({ v: version, record });
}

export type Decoded =
  | { readonly ok: true; readonly record: TubeRecord }
  /** For people; no value of the record is in it. */
  | { readonly ok: false; readonly why: string };

/** Never throws. */
export function decodeRecord(text: string): Decoded {
  const envelope = envelopeSchema.safeParse(parsed(text));
  if (!envelope.success) return { ok: false, why: 'not a record' };
  const { v, record } = envelope.data;
  if (v > version) return { ok: false, why: `written by a newer version (${v}, known up to ${version})` };
  const checked = recordSchema.safeParse(record);
  if (checked.success) return { ok: true, record: checked.data };
  const [issue] = checked.error.issues;
  return { ok: false, why: `${issue?.path.join('.') ?? ''}: ${issue?.code ?? 'invalid'}` };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
