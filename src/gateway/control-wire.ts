/**
 * Schemas of the calls on /control, one per call (contract section 10). They check shape and size only; what a value means is checked
 * where it is used.
 */
import { z } from 'zod';
import { tubeStates } from '../../machines/events.js';
import { networkChangeTypes } from '../../machines/policies/recovery.js';
import {
  candidateInput,
  controlSdp,
  conversationId,
  detailOf,
  generation,
  mayBeEmpty,
  shortText,
  tubeId,
} from './wire.js';

const name = z.string().max(64);
/** Keys and values are checked by the settings resolver; this only bounds how many there are. */
const openRecord = z
  .record(z.string().max(64), z.unknown())
  .refine((fields) => Object.keys(fields).length <= 100, 'at most 100 fields');

/** For other products of the same API family: accepted so that their controllers need no change, never stored, never logged. */
const ignored = {
  callback_token: z.string().max(8192).optional(),
  krelay_server: z.string().max(1024).optional(),
  client_version: shortText.optional(),
  ksm_config: z.union([z.string().max(65536), openRecord]).optional(),
} as const;

export const createTube = z
  .strictObject({
    conversation_id: conversationId,
    settings: openRecord.optional(),
    trickle_ice: z.boolean().default(true),
    offer: controlSdp.optional(),
    profile: name.optional(),
    idempotency_key: z.string().min(1).max(256).optional(),
    ...ignored,
  })
  .transform(({ conversation_id, settings, trickle_ice, offer, profile, idempotency_key }) => ({
    conversationId: conversation_id,
    settings: settings ?? {},
    trickleIce: trickle_ice,
    offer: offer ?? null,
    profile,
    idempotencyKey: idempotency_key ?? null,
  }));
export type CreateTube = z.output<typeof createTube>;

export const setRemoteDescription = z
  .strictObject({ tube_id: tubeId, sdp: controlSdp, is_answer: z.boolean(), generation: generation.optional() })
  .transform((call) => ({
    tubeId: call.tube_id,
    description: { type: call.is_answer ? ('answer' as const) : ('offer' as const), sdp: call.sdp },
    generation: call.generation ?? null,
  }));

export const addIceCandidate = z
  .strictObject({
    tube_id: tubeId,
    candidate: candidateInput,
    sdp_mid: z.string().max(64).optional(),
    generation: generation.optional(),
  })
  .transform((call) => ({
    tubeId: call.tube_id,
    candidate: call.candidate.candidate,
    mid: call.sdp_mid ?? call.candidate.mid ?? '0',
    generation: call.generation ?? null,
  }));

export const restartIce = z
  .strictObject({ tube_id: tubeId, fresh: z.boolean().default(false) })
  .transform((call) => ({ tubeId: call.tube_id, fresh: call.fresh }));

export const oneTube = z.strictObject({ tube_id: tubeId }).transform((call) => ({ tubeId: call.tube_id }));

export const getTube = z
  .strictObject({ tube_id: tubeId, history: z.boolean().default(false) })
  .transform((call) => ({ tubeId: call.tube_id, history: call.history }));

/** `data` is evidence for people; its size is that of the frame. */
export const reportNetworkChange = z
  .strictObject({ tube_id: tubeId.optional(), type: z.enum(networkChangeTypes), data: z.unknown().optional() })
  .transform((call) => ({ tubeId: call.tube_id ?? null, change: call.type, detail: detailOf(call.data) }));

export const listTubes = mayBeEmpty(
  z
    .strictObject({
      state: z.enum(tubeStates).optional(),
      conversation_id: conversationId.optional(),
      limit: z.int().min(1).max(1000).default(100),
      cursor: shortText.optional(),
    })
    .transform((call) => ({
      state: call.state,
      conversationId: call.conversation_id,
      limit: call.limit,
      cursor: call.cursor,
    })),
);
export type ListTubes = z.output<typeof listTubes>;

export const closeTube = z
  .strictObject({ tube_id: tubeId, reason: shortText.optional() })
  .transform((call) => ({ tubeId: call.tube_id, reason: call.reason }));

export const send = z
  .strictObject({
    tube_id: tubeId,
    channel: z.string().min(1).max(256).default('data'),
    data: z.string(),
    encoding: z.enum(['utf8', 'base64']).default('utf8'),
  })
  .transform((call) => ({ tubeId: call.tube_id, channel: call.channel, data: call.data, encoding: call.encoding }));

/** `subscribe` and `unsubscribe`: exactly one of the three. */
export const subscription = z
  .strictObject({
    tube_id: tubeId.optional(),
    conversation_id: conversationId.optional(),
    all: z.literal(true).optional(),
  })
  .transform((call, context) => {
    const given = Object.values(call).filter((value) => value !== undefined);
    if (given.length !== 1) {
      context.addIssue({ code: 'custom', message: 'give exactly one of tube_id, conversation_id, all: true' });
      return z.NEVER;
    }
    if (call.tube_id !== undefined) return { kind: 'tube' as const, tubeId: call.tube_id };
    if (call.conversation_id !== undefined)
      return { kind: 'conversation' as const, conversationId: call.conversation_id };
    return { kind: 'all' as const };
  });
export type Subscription = z.output<typeof subscription>;

export const nothing = mayBeEmpty(z.strictObject({}));
/** The limits themselves refuse unknown keys and wrong values. */
export const resourceLimits = openRecord;
