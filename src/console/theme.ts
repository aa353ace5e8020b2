/** Light, dark, or as the system has it (the default). Only a choice is remembered, and of it nothing but the word. */
import { signal, type ReadonlySignal } from '@preact/signals';

const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const storageKey = 'holdfast.theme';
const chosen = signal<Theme>('system');

export const theme: ReadonlySignal<Theme> = chosen;

export function startTheme(): void {
  apply(remembered());
}

export function nextTheme(): Theme {
  return themes[(themes.indexOf(chosen.value) + 1) % themes.length] ?? 'system';
}

export function chooseTheme(next: Theme): void {
  apply(next);
  try {
    if (next === 'system') localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, next);
  } catch {
    // Storage is switched off: it holds until the page is left.
  }
}

function apply(next: Theme): void {
  chosen.value = next;
  if (next === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
}

function remembered(): Theme {
  try {
    const found = localStorage.getItem(storageKey);
    return themes.find((known) => known === found) ?? 'system';
  } catch {
    return 'system';
  }
}
