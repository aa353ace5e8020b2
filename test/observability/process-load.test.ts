// The figures of the event loop, as they are told to many who ask.
import { expect, test } from '@jest/globals';
import { ProcessLoad } from '../../src/process-load.js';

const ticks = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Holds up the event loop. */
function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

test('a lag is told for as long as it is of the last minute, whoever asks in between', async () => {
  let nowMs = 0;
  const load = new ProcessLoad(() => nowMs);
  await ticks(60);
  block(300);
  await ticks(60);
  expect(load.eventLoop().p99_ms).toBeGreaterThan(150);
  nowMs = 60_001;
  const told = load.eventLoop();
  expect(told.p99_ms).toBeGreaterThan(150);
  // A new window has begun, in which hardly anything was measured yet.
  expect(load.eventLoop()).toEqual(told);
  nowMs += 9_999;
  expect(load.eventLoop()).toEqual(told);
  nowMs += 1;
  await ticks(60);
  expect(load.eventLoop().p99_ms).toBeLessThan(told.p99_ms);
});
