/**
 * What a tube presents to the decision table (policies/recovery.ts) and what it says of decisions: evidence from its context, network changes as
 * triggers, refusals that the tube makes itself. Pure; the chart says when.
 */
import type { ChildReport, NodeFacts, RestartDecision, TubeEmission, TubeEvent } from './events.js';
import {
  judge,
  type Evidence,
  type PathHealth,
  type Route,
  type NetworkChangeSource,
  type NetworkChangeType,
  type RestartTrigger,
} from './policies/recovery.js';
import { failureOf, type TubeContext } from './tube.context.js';

/** What is said of a decision: the evidence, and the refusal of a call that gets no new offer. */
export function decided(
  context: TubeContext,
  { decision: made, requestId }: Extract<ChildReport, { type: 'restart.decided' }>,
): readonly TubeEmission[] {
  const { missedPings, missedSeqs, transportState: transport } = context;
  // A restart that waited decides by what is so now, not by what was when it was asked for.
  const decision = {
    ...made,
    evidence: { ...made.evidence, path: healthOf(context), missedPings, missedSeqs, transport },
  };
  const told: TubeEmission = { type: 'decision', decision };
  if (requestId === null || decision.code === null) return [told];
  return [told, { type: 'refused', requestId, failure: failureOf(decision.code, decision.why) }];
}

/** A restart that the tube itself refuses; its restart child is not asked. */
export function refusedRestart(
  context: TubeContext,
  { requestId, trigger, atMs }: { readonly requestId: string; readonly trigger: RestartTrigger; readonly atMs: number },
  code: 'restart_in_progress' | 'restart_trickle_disabled',
): readonly TubeEmission[] {
  const why = code === 'restart_trickle_disabled' ? 'trickle ICE is off' : 'the first connection is not up yet';
  return [
    { type: 'decision', decision: skipped(context, { trigger, source: 'tube', atMs }, { code, why, verdict: null }) },
    { type: 'refused', requestId, failure: failureOf(code, why) },
  ];
}

/** A trigger as it is presented to the decision table. */
export interface Presented {
  readonly trigger: RestartTrigger;
  readonly source: NetworkChangeSource;
  readonly atMs: number;
  /** Of a change of this host: the way to the peer after it. */
  readonly route?: Route | null;
}

function skipped(
  context: TubeContext,
  presented: Presented,
  { code, why, verdict }: Pick<RestartDecision, 'code' | 'why' | 'verdict'>,
): RestartDecision {
  const { trigger } = presented;
  const attempt = context.incident?.attempts ?? 0;
  return { action: 'skip', code, why, verdict, evidence: evidenceOf(context, presented), trigger, attempt, delayMs: 0 };
}

const healthOf = ({ active, incident }: TubeContext): PathHealth => {
  if (active === null) return 'none';
  return incident !== null && incident.outageSinceMs !== null ? 'doubted' : 'sound';
};

/** What the decision table looks at. */
export function evidenceOf(context: TubeContext, { trigger, source, atMs, route }: Presented): Evidence {
  const { node, missedPings, missedSeqs, lastHeardAtMs, transportState: transport, signalling } = context;
  const silentMs = Math.max(0, atMs - lastHeardAtMs);
  const path = healthOf(context);
  return {
    trigger,
    source,
    path,
    missedPings,
    missedSeqs,
    silentMs,
    transport,
    signalling,
    ...node,
    route: route ?? node.route,
  };
}

type ReportedChange = Extract<TubeEvent, { type: 'tube.networkChanged' }>;

/** What a reported change is to a restart. */
const triggersOfChanges: Readonly<Record<NetworkChangeType, RestartTrigger>> = {
  interface_change: 'interface_change',
  ip_change: 'ip_change',
  connection_timeout: 'missed_pings',
  ice_failure: 'transport_failure',
  quality_degradation: 'poor_quality',
};

export const presentedBy = ({ change, source, route, atMs }: Omit<ReportedChange, 'type'>): Presented => ({
  trigger: triggersOfChanges[change],
  source,
  route,
  atMs,
});

/** The decision to do nothing about a network change, and why. */
export function leftAlone(context: TubeContext, reported: Omit<ReportedChange, 'type'>): RestartDecision {
  const presented = presentedBy(reported);
  if (!context.settings.trickleIce)
    return skipped(context, presented, { code: 'restart_trickle_disabled', why: 'trickle ICE is off', verdict: null });
  const { verdict, why } = judge(evidenceOf(context, presented));
  return skipped(context, presented, { code: null, why, verdict });
}

/** The type of contract section 7 under which a trigger is told; null for those that are no news of a network. */
export function changeOf(trigger: RestartTrigger): NetworkChangeType | null {
  if (trigger === 'unhealthy') return 'quality_degradation';
  const known = Object.entries(triggersOfChanges).find(([, name]) => name === trigger);
  return known === undefined ? null : (known[0] as NetworkChangeType);
}

/** What a report says of the node; a report of others says nothing. */
export const nodeFactsOf = ({ route }: { readonly route: Route | null }): Partial<NodeFacts> =>
  route === null ? {} : { route };
