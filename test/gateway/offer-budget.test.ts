import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { OfferBudget } from '../../src/gateway/offer-budget.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const offersTaken = (budget: OfferBudget, tubeId: string, tries: number): number => {
  let taken = 0;
  for (let count = 0; count < tries; count += 1) {
    try {
      budget.spend(tubeId);
      taken += 1;
    } catch (error) {
      expect(error).toMatchObject({ code: 'rate_exceeded' });
    }
  }
  return taken;
};

test('a loop of offers gets ten through in 10 s, and again ten afterwards; nothing is remembered of a quiet tube', () => {
  const budget = new OfferBudget();
  expect(offersTaken(budget, 'a', 1000)).toBe(10);
  expect(offersTaken(budget, 'b', 3)).toBe(3);
  jest.advanceTimersByTime(9_999);
  expect(offersTaken(budget, 'a', 1000)).toBe(0);
  jest.advanceTimersByTime(1);
  expect(offersTaken(budget, 'a', 1000)).toBe(10);
  jest.advanceTimersByTime(10_000);
  expect(jest.getTimerCount()).toBe(0);
});

test('a page whose network changes as often as networks do is never refused', () => {
  const budget = new OfferBudget();
  for (let count = 0; count < 100; count += 1) {
    budget.spend('a');
    jest.advanceTimersByTime([1000, 1000, 500, 1000, 2000][count % 5] ?? 0);
  }
});
