/** The cost of one tube does not grow with the number of tubes. The bench goes to 100,000; here 20,000 are enough to show a quadratic trap. */
import { expect, test } from '@jest/globals';
import { scaleCosts } from '../../bench/scale.js';

test('opening, connecting and closing a tube costs among 20,000 what it costs among 1,000', () => {
  const [few, many] = scaleCosts([1_000, 20_000], 500);
  if (few === undefined || many === undefined) throw new Error('no costs');
  const total = ({ openUs, connectUs, closeUs }: typeof few): number => openUs + connectUs + closeUs;
  console.log(`a tube among 1,000: ${total(few).toFixed(0)} µs; among 20,000: ${total(many).toFixed(0)} µs`);
  // Quadratic designs are 20 times and more; caches and the garbage collector account for less than 4.
  expect(total(many) / total(few)).toBeLessThan(4);
}, 60_000);
