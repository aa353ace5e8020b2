/**
 * The clock of the console: the service's time, for what it says is dated by its own clock, and this computer's may be minutes off. `second` moves
 * once a second while the page is looked at; views that count up or down read it. Both stand still while the service cannot be reached.
 */
import { signal, type ReadonlySignal } from '@preact/signals';

let offsetMs = 0;
let heldAtMs: number | null = null;
const ticking = signal(Date.now());

/** The service's time now, milliseconds since the epoch. */
export const serverNow = (): number => heldAtMs ?? Date.now() + offsetMs;

export const second: ReadonlySignal<number> = ticking;

/** What the service just said the time is. Half a second of travel is no reason to move anything. */
export function learnServerTime(atMs: number): void {
  const learnt = atMs - Date.now();
  if (Math.abs(learnt - offsetMs) > 500) offsetMs = learnt;
}

/** What goes on while nobody can be asked is not known: what counts up or down stops. */
export function holdClock(isHeld: boolean): void {
  heldAtMs = isHeld ? serverNow() : null;
  ticking.value = serverNow();
}

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) ticking.value = serverNow();
  }, 1000);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) ticking.value = serverNow();
  });
}
