/** Entries of a flight recorder, each as one sentence, and how it should strike the eye. Pure. */
import type { FlightEntry, FlightFact } from '../operator/flight.types.js';
import { reasonWords, triggerWords } from '../operator/words.js';
import { cost, duration, percent, plural, roundTrip, score } from './format.js';
import { stateTones, type Tone } from './words.js';

type Fact<Kind extends FlightFact['kind']> = Extract<FlightFact, { kind: Kind }>;
type Words = { readonly [Kind in FlightFact['kind']]: (fact: Fact<Kind>, generation: number) => string };

const who = { service: 'The service', peer: 'The peer' } as const;
const end = ({ type, protocol, address, port }: Fact<'selected_pair'>['local']): string =>
  `${type} ${protocol.toLowerCase()} ${address}:${port}`;

function decisionWords({ action, delay_ms: delayMs, attempt, trigger, reason, code }: Fact<'decision'>): string {
  const why = reason === '' ? (code ?? triggerWords(trigger)) : reason;
  const what = {
    do: `Decided: attempt ${attempt} now`,
    wait: delayMs > 0 ? `Decided: wait ${cost(delayMs)}` : 'Decided: wait',
    skip: 'Decided: do nothing more',
    give_up: 'Decided: give up',
  }[action];
  return `${what} (${triggerWords(trigger)}): ${why}.`;
}

const words: Words = {
  state: ({ state, previous_state: previous, reason }) =>
    previous === null || previous === state
      ? `The tube is ${state}: ${reasonWords(reason)}.`
      : `From ${previous} to ${state}: ${reasonWords(reason)}.`,
  transport_state: ({ transport_state: state }, generation) =>
    `The connection of generation ${generation} says “${state}”.`,
  description: ({ from, type }, generation) =>
    from === 'service'
      ? `${who[from]} made the ${type} of generation ${generation}.`
      : `${who[from]}’s ${type} for generation ${generation} was applied.`,
  candidate: ({ from, candidate_type: type }) =>
    type === 'end'
      ? `${who[from]} has named all its addresses.`
      : `${who[from]} named an address${type === null ? '' : ` (${type})`}.`,
  selected_pair: ({ local, remote }) => `The path: ${end(local)} to ${end(remote)}.`,
  network_change: ({ change, source, detail }) =>
    `Network change (${triggerWords(change)}), noticed by the ${source}${detail === '' ? '' : `: ${detail}`}.`,
  decision: decisionWords,
  attempt_started: ({ attempt, trigger }, generation) =>
    `Attempt ${attempt} began: generation ${generation} (${triggerWords(trigger)}).`,
  attempt_ended: ({ outcome, duration_ms: ms, code, detail }, generation) =>
    outcome === 'success'
      ? `Generation ${generation} works, ${cost(ms)} after the attempt began.`
      : `The attempt failed after ${cost(ms)}: ${detail === '' ? reasonWords(code ?? 'unknown') : detail}.`,
  cut_over: ({ from_generation: from }, generation) =>
    from === null ? `Data takes generation ${generation}.` : `Data moved from generation ${from} to ${generation}.`,
  generation_closed: (_fact, generation) => `Generation ${generation} is closed.`,
  recovered: ({ attempts, outage_ms: outageMs }) =>
    `Recovered with ${plural(attempts, 'attempt')}; ${outageMs === 0 ? 'no outage' : `${cost(outageMs)} without a path`}.`,
  breaker: ({ breaker }) => `The circuit breaker is ${reasonWords(breaker)}.`,
  ping_missed: () => 'A ping was not answered.',
  quality: ({ verdict, score: value, loss, rtt_ms: rttMs }) =>
    `Quality is ${verdict}: score ${score(value)}, loss ${percent(loss)}, round trip ${roundTrip(rttMs)}.`,
  session_warning: ({ left_ms: leftMs }) => `Without data it will be closed in ${duration(leftMs)}.`,
  channel_opened: ({ label, id }) => `Channel “${label}” opened (stream ${id}).`,
  channel_closed: ({ label, reason }) => `Channel “${label}” closed: ${reasonWords(reason)}.`,
  failure: ({ code, detail }) => `Failure ${code}${detail === '' ? '' : `: ${detail}`}.`,
  refused: ({ code, detail }) => `Refused a call: ${code}${detail === '' ? '' : `, ${detail}`}.`,
  crashed: () => 'Its actor crashed; another carries it on.',
  closed: ({ reason }) => `The tube is closed: ${reasonWords(reason)}.`,
};

/** A kind that is not known here (a newer service) is named. */
export function entrySentence(entry: FlightEntry): string {
  const make = words[entry.kind] as ((fact: FlightFact, generation: number) => string) | undefined;
  const sentence = make === undefined ? entry.kind : make(entry, entry.generation);
  return entry.count === undefined || entry.count < 2 ? sentence : `${sentence} (${entry.count} times)`;
}

export function entryTone(entry: FlightEntry): Tone {
  switch (entry.kind) {
    case 'state':
      return stateTones[entry.state];
    case 'recovered':
      return 'good';
    case 'attempt_ended':
      return entry.outcome === 'success' ? 'good' : 'bad';
    case 'attempt_started':
    case 'cut_over':
      return 'work';
    case 'decision':
      return entry.action === 'give_up' ? 'bad' : entry.action === 'do' ? 'work' : 'calm';
    case 'network_change':
    case 'ping_missed':
      return 'doubt';
    case 'failure':
    case 'refused':
    case 'crashed':
      return 'bad';
    default:
      return 'calm';
  }
}
