/**
 * Answers to "is it us or them", "what did it cost" and "is it getting worse", from what the node and the incidents say. Pure. It weighs, it does
 * not know: where the figures take no side, it says so.
 */
import { isUnfollowed } from '../operator/evidence.js';
import type { WireEvidence } from '../operator/flight.types.js';
import type { Incident } from '../operator/incident.types.js';
import type { NodeView } from '../operator/operator.types.js';
import { phaseWords, routeWords } from '../operator/words.js';
import { cost, count, duration, percent, plural } from './format.js';
import type { Tone } from './words.js';

export interface Judgement {
  readonly headline: string;
  readonly detail: string;
  readonly tone: Tone;
}

const sum = (values: readonly (number | undefined)[]): number =>
  values.reduce((total: number, value) => total + (value ?? 0), 0);

/** Of the incidents that are open now. */
export function blame({ blame: { routes }, storm }: Pick<NodeView, 'blame' | 'storm'>): Judgement {
  const open = sum(Object.values(routes));
  if (storm.active)
    return {
      headline: 'It looks like us',
      detail: `Many tubes fell at once; ${plural(storm.held, 'restart')} held back until this host’s network is checked.`,
      tone: 'bad',
    };
  if (open === 0) return { headline: 'Nobody’s fault', detail: 'There is no open incident.', tone: 'good' };
  const ours = sum([routes.none, routes.moved]);
  const theirs = routes.same ?? 0;
  if (ours * 2 > open)
    return {
      headline: 'It looks like us',
      detail: `For ${count(ours)} of ${plural(open, 'open incident')} this host’s own way to the peer is gone or has moved.`,
      tone: 'bad',
    };
  if (theirs * 2 > open)
    return {
      headline: 'It looks like them',
      detail: `For ${count(theirs)} of ${plural(open, 'open incident')} this host’s way to the peer is as it was.`,
      tone: 'doubt',
    };
  return {
    headline: 'Not clear whose fault',
    detail: `${plural(open, 'open incident')}; the way to most of these peers is not known.`,
    tone: 'calm',
  };
}

/** Of one incident, by what its first decision looked at. */
export function blameOf(evidence: WireEvidence): Judgement {
  const { route, source, held, suspect_share: share, peer_signalling: peer } = evidence;
  if (isUnfollowed(evidence))
    return {
      headline: 'Us',
      detail: 'the service was restarted, and no controller followed this tube yet.',
      tone: 'bad',
    };
  if (held)
    return {
      headline: 'Rather us',
      detail: `${percent(share)} of this node’s tubes turned suspect at the same time.`,
      tone: 'bad',
    };
  if (route === 'none' || route === 'moved' || source === 'host')
    return { headline: 'Rather us', detail: `${routeWords(route)}.`, tone: 'bad' };
  if (peer === 'offline')
    return { headline: 'Rather them', detail: 'the peer’s signalling was down too.', tone: 'doubt' };
  if (source === 'peer') return { headline: 'Rather them', detail: 'the peer’s end noticed it.', tone: 'doubt' };
  if (route === 'same') return { headline: 'Rather them', detail: `${routeWords(route)}.`, tone: 'doubt' };
  return { headline: 'Not clear', detail: `${routeWords(route)}.`, tone: 'calm' };
}

/** `1.9 s without a path, 1 attempt; most of it noticing (1.6 s)`. */
export function costOf({ outage_ms: outageMs, attempts, phases }: Incident): string {
  const tries = plural(attempts, 'attempt');
  if (outageMs === null) return `${tries}; the outage is not known`;
  if (outageMs === 0) return `no outage, ${tries}`;
  const longest = (Object.keys(phases) as (keyof typeof phases)[])
    .map((phase) => ({ phase, ms: phases[phase] ?? 0 }))
    .sort((left, right) => right.ms - left.ms)[0];
  const most =
    longest === undefined || longest.ms === 0
      ? ''
      : `; most of it ${phaseWords[longest.phase].name.toLowerCase()} (${cost(longest.ms)})`;
  return `${cost(outageMs)} without a path, ${tries}${most}`;
}

const minuteMs = 60_000;
const recentMinutes = 10;
/** Fewer incidents than this are chance. */
const noticeable = 3;

/** The last ten minutes against those before, by the rate of incidents, and whether tubes were lost. Of the time before this process nothing is known. */
export function trendOf({ trend, started_at_ms: startedAtMs }: Pick<NodeView, 'trend' | 'started_at_ms'>): Judgement {
  const known = trend.filter(({ at_ms: atMs }) => atMs + minuteMs > startedAtMs);
  const recent = known.slice(-recentMinutes);
  const before = known.slice(0, -recentMinutes);
  const isEarly = before.length < recentMinutes;
  const started = sum(recent.map((minute) => minute.started));
  const lost = sum(recent.map((minute) => minute.lost));
  const usual = isEarly ? 0 : (sum(before.map((minute) => minute.started)) / before.length) * recent.length;
  const words = `${plural(started, 'incident')} in the last ${duration(recent.length * minuteMs).replace(' 00 s', '')}`;
  const against = isEarly ? '' : `, against ${count(usual)} in as long before`;
  const gone = lost === 0 ? '' : `; ${plural(lost, 'tube')} lost`;
  const detail = `${words}${against}${gone}.`;
  if (isEarly && started + lost > 0) return { headline: 'Too early to say', detail, tone: lost > 0 ? 'doubt' : 'calm' };
  if (started >= noticeable && started > usual * 1.5) return { headline: 'Getting worse', detail, tone: 'bad' };
  if (usual >= noticeable && started < usual / 1.5) return { headline: 'Getting better', detail, tone: 'good' };
  if (started === 0 && lost === 0) return { headline: 'Quiet', detail, tone: 'good' };
  return { headline: 'About as before', detail, tone: lost > 0 ? 'doubt' : 'calm' };
}
