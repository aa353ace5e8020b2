/**
 * Answers to "is it us or them", "what did it cost" and "is it getting worse", from what the node and the incidents say. Pure. It weighs, it does
 * not know: where the figures take no side, it says so.
 */
import { isUnfollowed, suspicionOf, type Side, type Suspicion } from '../operator/evidence.js';
import type { Incident } from '../operator/incident.types.js';
import type { NodeView } from '../operator/operator.types.js';
import { phaseWords, routeWords, triggerWords } from '../operator/words.js';
import { cost, count, duration, percent, plural } from './format.js';
import type { Tone } from './words.js';

export interface Judgement {
  readonly headline: string;
  readonly detail: string;
  readonly tone: Tone;
}

const sum = (values: readonly (number | undefined)[]): number =>
  values.reduce((total: number, value) => total + (value ?? 0), 0);

/** What makes it ours, in the words of most of the tubes. */
function ourFault({ triggers, routes }: NodeView['blame']): string {
  const causes: readonly (readonly [number, string])[] = [
    [sum([routes.none, routes.moved]), 'this host’s own way to the peer is gone or has moved'],
    [sum([triggers.service_restart]), 'the service was restarted'],
    [sum([triggers.crash]), 'the tube’s actor crashed'],
  ];
  const known = causes.filter(([tubes]) => tubes > 0).sort(([one], [other]) => other - one);
  return known.length === 0 ? 'this node noticed it first' : known.map(([, words]) => words).join(', or ');
}

/** Of the tubes that are in trouble or given up now. */
export function blame({ blame: known, storm }: Pick<NodeView, 'blame' | 'storm'>): Judgement {
  const { us, them, unclear } = known.sides;
  const down = us + them + unclear;
  if (storm.active)
    return {
      headline: 'It looks like us',
      detail: `Many tubes fell at once; ${plural(storm.held, 'restart')} held back until this host’s network is checked.`,
      tone: 'bad',
    };
  if (down === 0) return { headline: 'Nobody’s fault', detail: 'No tube is in trouble.', tone: 'good' };
  const all = plural(down, 'tube');
  if (us * 2 > down)
    return { headline: 'It looks like us', detail: `${count(us)} of ${all} down: ${ourFault(known)}.`, tone: 'bad' };
  if (them * 2 > down)
    return {
      headline: 'It looks like them',
      detail: `${count(them)} of ${all} down: this host’s way to the peer is as it was, or the peer’s end fails too.`,
      tone: 'doubt',
    };
  const weighed = us + them === 0 ? 'nothing tells' : `${count(us)} look like us, ${count(them)} like them`;
  return { headline: 'Not clear whose fault', detail: `${all} down: ${weighed}.`, tone: 'doubt' };
}

/** Of one incident. */
export function blameOf(incident: Pick<Incident, 'trigger' | 'evidence'>): Judgement {
  const { side, sign } = suspicionOf(incident);
  const headline = sign === 'service' ? 'Us' : { us: 'Rather us', them: 'Rather them', unclear: 'Not clear' }[side];
  return { headline, detail: `${signWords(sign, incident)}.`, tone: sideTones[side] };
}

const sideTones: Readonly<Record<Side, Tone>> = { us: 'bad', them: 'doubt', unclear: 'calm' };

function signWords(sign: Suspicion['sign'], { trigger, evidence }: Pick<Incident, 'trigger' | 'evidence'>): string {
  switch (sign) {
    case 'service':
      return evidence !== null && isUnfollowed(evidence)
        ? 'the service was restarted, and no controller followed this tube yet'
        : triggerWords(trigger);
    case 'storm':
      return `${percent(evidence?.suspect_share ?? null)} of this node’s tubes turned suspect at the same time`;
    case 'peer_signalling':
      return 'the peer’s signalling was down too';
    case 'peer':
      return 'the peer’s end noticed it';
    case 'route':
      return routeWords(evidence?.route ?? 'unknown');
  }
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
/** Fewer than this are chance. */
const noticeable = 3;
/** So many times as many are another rate. */
const noticeableFactor = 1.5;

interface Rate {
  readonly recent: number;
  /** In as long before. */
  readonly usual: number;
}

const rises = ({ recent, usual }: Rate): boolean => recent >= noticeable && recent > usual * noticeableFactor;
const falls = ({ recent, usual }: Rate): boolean => usual >= noticeable && recent < usual / noticeableFactor;

/**
 * The last ten minutes against those before, by the rates of incidents and of tubes that were lost: the worse of the two counts. Of the time before
 * this process nothing is known; that incidents begin early may be usual, that tubes are lost is not.
 */
export function trendOf({ trend, started_at_ms: startedAtMs }: Pick<NodeView, 'trend' | 'started_at_ms'>): Judgement {
  const known = trend.filter(({ at_ms: atMs }) => atMs + minuteMs > startedAtMs);
  const recent = known.slice(-recentMinutes);
  const before = known.slice(0, -recentMinutes);
  const isEarly = before.length < recentMinutes;
  const rateOf = (what: 'started' | 'lost'): Rate => ({
    recent: sum(recent.map((minute) => minute[what])),
    usual: before.length === 0 ? 0 : (sum(before.map((minute) => minute[what])) / before.length) * recent.length,
  });
  const [started, lost] = [rateOf('started'), rateOf('lost')];
  const length = duration(recent.length * minuteMs).replace(' 00 s', '');
  const against = ({ usual }: Rate): string => (isEarly ? '' : `, against ${count(usual)} in as long before`);
  const gone = lost.recent === 0 ? '' : `; ${plural(lost.recent, 'tube')} lost${against(lost)}`;
  const detail = `${plural(started.recent, 'incident')} in the last ${length}${against(started)}${gone}.`;
  const calm = lost.recent > 0 ? 'doubt' : 'calm';
  if (rises(lost)) return { headline: 'Getting worse', detail, tone: 'bad' };
  if (isEarly && started.recent + lost.recent > 0) return { headline: 'Too early to say', detail, tone: calm };
  if (rises(started)) return { headline: 'Getting worse', detail, tone: 'bad' };
  const isBetter = falls(lost) || (falls(started) && lost.recent <= lost.usual);
  if (!isEarly && isBetter) return { headline: 'Getting better', detail, tone: 'good' };
  if (started.recent + lost.recent === 0) return { headline: 'Quiet', detail, tone: 'good' };
  return { headline: 'About as before', detail, tone: calm };
}
