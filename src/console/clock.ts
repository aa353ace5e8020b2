/**
 * The clock of the console: the service's time, for what it says is dated by its own clock, and this computer's may be minutes off. `second` moves
 * once a second while the page is looked at; views that count up or down read it.
 */
import { signal, type ReadonlySignal } from '@preact/signals';

let offsetMs = 0;
const ticking = signal(Date.now());

/** The service's time now, milliseconds since the epoch. */
export const serverNow = (): number => Date.now() + offsetMs;

export const second: ReadonlySignal<number> = ticking;

/** What the service just said the time is. Half a second of travel is no reason to move anything. */
export function learnServerTime(atMs: number): void {
  const learnt = atMs - Date.now();
  if (Math.abs(learnt - offsetMs) > 500) offsetMs = learnt;
}

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) ticking.value = serverNow();
  }, 1000);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) ticking.value = serverNow();
  });
}
