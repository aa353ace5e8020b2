/** What the laboratory makes of its runs: medians, targets, and the page that it writes. */
import { describe, expect, it } from '@jest/globals';
import { recoveryPage, runLine, summaryLine, summaryOf, type Outcome } from '../system/lab/report.js';
import type { RunResult, Scenario } from '../system/lab/scenario.js';

const good: RunResult = {
  detectMs: 100,
  firstByteMs: 500,
  outageMs: 600,
  attempts: 1,
  triggers: ['missed_pings'],
  inFlight: 1,
  sentMessages: 1000,
  lostMessages: 0,
  misplacedMessages: 0,
  channelCloses: 0,
  states: ['connected'],
  faults: [],
  notes: [],
  story: [],
};

const scenario: Scenario = {
  name: 'pulled-plug',
  what: 'Somebody pulls the plug.',
  targets: { library: { ms: 1000 }, chromium: null },
  happen: async () => ({ beganAtMs: 0, doneAtMs: 0 }),
};

const outcome = (runs: readonly RunResult[], changes: Partial<Outcome> = {}): Outcome => ({
  scenario,
  kind: 'library',
  profile: 'production',
  runs,
  ...changes,
});
const after = (firstByteMs: number | null): RunResult => ({ ...good, firstByteMs });

describe('the summary of runs', () => {
  it('holds the median against the target, not the worst', () => {
    const summary = summaryOf(outcome([after(400), after(9000), after(900)]));
    expect(summary).toMatchObject({ medianMs: 900, worstMs: 9000, passed: true });
    expect(summaryOf(outcome([after(400), after(9000), after(1100)])).passed).toBe(false);
  });

  it('takes the mean of the two in the middle of an even number', () => {
    expect(summaryOf(outcome([after(400), after(900)])).medianMs).toBe(650);
    expect(summaryOf(outcome([after(1), after(400), after(500), after(9000)])).medianMs).toBe(450);
    expect(summaryOf(outcome([after(400), after(null)])).medianMs).toBe(Infinity);
  });

  it('takes a run that never recovered for an endless one', () => {
    const never = summaryOf(outcome([after(null), after(null), after(500)]));
    expect(never).toMatchObject({ medianMs: Infinity, passed: false });
    expect(summaryLine(outcome([after(null)]))).toContain('median never');
  });

  it('fails for a single fault, however quick all runs were', () => {
    const lost = { ...good, lostMessages: 1, faults: ['1 messages lost'] };
    const summary = summaryOf(outcome([good, lost, good]));
    expect(summary).toMatchObject({ passed: false, lostMessages: 1, sentMessages: 3000 });
    expect(summary.faults).toEqual(['1 messages lost (1 of 3)']);
  });

  it('measures the silence where the target is about it', () => {
    const silent: Scenario = { ...scenario, targets: { library: { ms: 550, of: 'outageMs' } } };
    expect(summaryOf(outcome([good], { scenario: silent }))).toMatchObject({ medianMs: 600, passed: false });
  });

  it('has nothing to miss where there is no target', () => {
    expect(summaryOf(outcome([after(99_000)], { kind: 'chromium' })).passed).toBe(true);
  });
});

describe('what is written', () => {
  it('says in one line what a run came to', () => {
    const line = runLine({ ...good, faults: ['ended failed'] }, 2, 10);
    expect(line).toMatch(/ 2\/10 .*noticed 0\.10 s, first byte 0\.50 s, silence 0\.60 s, attempts 1 \(missed_pings\)/);
    expect(line).toContain('FAULT ended failed');
  });

  it('is a page with a row per scenario and peer, and the faults in words', () => {
    const bad = outcome([{ ...good, faults: ['2 restarts at a time'] }]);
    const measured = { date: '2026-01-02', commit: 'abc1234', machine: 'a test machine' };
    const page = recoveryPage(
      [outcome([good]), bad].map((one) => ({ ...one, measured })),
      ['stolen-cable library'],
    );
    const rows = page.split('\n').filter((text) => text.startsWith('| pulled-plug'));
    expect(rows).toHaveLength(2);
    expect(rows[0]).toContain(
      '| ≤ 1.00 s | 0.50 s | 0.50 s | 0.60 s | 0.10 s | 1 | 0 of 1000 | 2026-01-02 abc1234 | met (1 run) |',
    );
    expect(rows[1]).toContain('**missed**');
    expect(page).toContain('- pulled-plug, library: 2 restarts at a time');
    expect(page).toContain('Measured on a test machine.');
    expect(page).toContain('Not measured yet: stolen-cable library.');
    expect(page).toContain('- **pulled-plug**: Somebody pulls the plug.');
  });
});
