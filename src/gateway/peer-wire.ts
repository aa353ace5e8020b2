/**
 * Schemas of the events on /peer (contract section 10). SDP is raw here, and names are those of webrtc-pc, because the sender is a
 * browser that passes on what RTCPeerConnection gave it.
 */
import { z } from 'zod';
import { candidateFields, generation, mayBeEmpty, rawSdp, shortText } from './wire.js';

export const hello = z.strictObject({
  /** Changes when the peer's process or page does. */
  instance: z.string().max(64),
  /** The newest generation that the peer holds; 0 = none. */
  generation: z.int().min(0).max(0x7fffffff),
  library: shortText.optional(),
});

export const answer = z
  .strictObject({ type: z.literal('answer'), sdp: rawSdp, generation: generation.optional() })
  .transform((event) => ({ description: { type: event.type, sdp: event.sdp }, generation: event.generation ?? null }));

export const offer = z
  .strictObject({ type: z.literal('offer'), sdp: rawSdp })
  .transform((event) => ({ description: { type: event.type, sdp: event.sdp } }));

export const icecandidate = z
  .strictObject({ ...candidateFields, generation: generation.optional() })
  .transform((event) => ({
    candidate: event.candidate,
    mid: event.sdpMid ?? '0',
    generation: event.generation ?? null,
  }));

export const bye = mayBeEmpty(z.strictObject({}));

export const restartRequest = z.strictObject({ reason: shortText.optional() });

/** `data` is evidence for people (for example the Network Information API); a short text of it is kept. */
export const networkChange = z.strictObject({
  type: z.enum(['online', 'offline', 'connection_type', 'ip_change']),
  data: z.unknown().optional(),
});
