// What the application saw of an outage, told by the frames alone.
import { describe, expect, test } from '@jest/globals';
import { FlowMeter } from '../../src/transport/flow-meter.js';

class Frames {
  nowMs = 1000;
  readonly meter = new FlowMeter(() => this.nowMs);

  /** One frame each `everyMs`, for `forMs`. */
  flow(everyMs: number, forMs: number): this {
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs;) {
      this.nowMs += everyMs;
      this.meter.heard();
    }
    return this;
  }

  after(ms: number): this {
    this.nowMs += ms;
    return this;
  }
}

describe('a stream', () => {
  test('that breaks off is silent from its last frame to the next one', () => {
    const stream = new Frames().flow(20, 12_000).after(3400);
    stream.meter.watch();
    stream.after(600).meter.heard();
    stream.flow(20, 1000);
    expect(stream.meter.end(false)).toBe(4000);
  });

  test('that goes on over the old path during a restart saw nothing', () => {
    const stream = new Frames().flow(20, 12_000);
    stream.meter.watch();
    stream.flow(20, 500).after(28).meter.heard();
    expect(stream.meter.end(false)).toBe(0);
  });

  test('that is cut twice in one trouble was silent for both times together', () => {
    const stream = new Frames().flow(20, 12_000);
    stream.meter.watch();
    stream.after(700).meter.heard();
    stream.flow(20, 200).after(300).meter.heard();
    expect(stream.meter.end(false)).toBe(1000);
  });

  test('that never comes back is silent until now, when it is asked so', () => {
    const stream = new Frames().flow(20, 12_000).after(9000);
    stream.meter.watch();
    stream.after(1000);
    expect(stream.meter.end(true)).toBe(10_000);
  });
});

describe('an idle tube', () => {
  test('whose pings are 5 s apart has no outage in a restart that falls between two of them', () => {
    const idle = new Frames().flow(5000, 20_000).after(4000);
    idle.meter.watch();
    idle.after(900).meter.heard();
    expect(idle.meter.end(false)).toBe(0);
  });

  test('whose pings stay unanswered was silent from the last pong on', () => {
    const idle = new Frames().flow(5000, 20_000).after(11_000);
    idle.meter.watch();
    idle.after(1500).meter.heard();
    expect(idle.meter.end(false)).toBe(12_500);
  });

  test('whose habits are not known yet makes no guess', () => {
    const young = new Frames().flow(20, 1000).after(3000);
    young.meter.watch();
    young.after(100).meter.heard();
    expect(young.meter.end(false)).toBe(0);
  });
});

test('the silences of a trouble are not habits', () => {
  const stream = new Frames().flow(20, 12_000);
  for (let round = 0; round < 2; round += 1) {
    stream.after(2000).meter.watch();
    stream.meter.heard();
    expect(stream.meter.end(false)).toBe(2000);
    stream.flow(20, 1000);
  }
});

test('watching twice is watching once, and ending without watching is nothing', () => {
  const stream = new Frames().flow(20, 12_000);
  expect(stream.meter.end(true)).toBe(0);
  stream.meter.watch();
  stream.after(500).meter.heard();
  stream.meter.watch();
  expect(stream.meter.end(false)).toBe(500);
  expect(stream.meter.end(false)).toBe(0);
});

test('frames are counted', () => {
  const { meter } = new Frames().flow(1000, 3000);
  expect(meter.frames).toBe(3);
});
