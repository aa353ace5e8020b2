/** The top of the page: in which of its states the tube is, its figures, the buttons, and what the page has to say for itself. */
import { byId, setText } from './dom.js';
import { duration, roundTrip } from './format.js';

export const shownStates = ['initializing', 'connecting', 'connected', 'degraded', 'failed'] as const;

export interface TubeActions {
  open(): void;
  breakPath(): void;
  restart(): void;
  close(): void;
}

/** `none`: before the first tube. */
export type ShownState = (typeof shownStates)[number] | 'closed' | 'none';

const sentences: Readonly<Record<ShownState, string>> = {
  none: 'No tube is open.',
  initializing: 'The service builds its end and describes it.',
  connecting: 'The two ends look for a path to each other.',
  connected: 'As far as the service knows, data flows. It pings the path every second.',
  degraded: 'The path is in doubt or a restart is running. Messages are kept.',
  failed: 'Given up for now. “Restart now” tries again.',
  closed: 'The tube is closed.',
};

export class TubeView {
  readonly #sentence = byId('state-sentence', HTMLElement);
  readonly #generation = byId('generation', HTMLElement);
  readonly #rtt = byId('rtt', HTMLElement);
  readonly #since = byId('since', HTMLElement);
  readonly #figures = byId('figures', HTMLElement);
  readonly #problem = byId('problem', HTMLElement);
  readonly #open = byId('open', HTMLButtonElement);
  readonly #break = byId('break', HTMLButtonElement);
  readonly #restart = byId('restart', HTMLButtonElement);
  readonly #close = byId('close', HTMLButtonElement);
  #state: ShownState = 'none';
  #sinceMs = 0;

  constructor(actions: TubeActions) {
    onPress(this.#open, () => actions.open());
    onPress(this.#break, () => actions.breakPath());
    onPress(this.#restart, () => actions.restart());
    onPress(this.#close, () => actions.close());
  }

  get state(): ShownState {
    return this.#state;
  }

  /** `isOnline`: the control socket is there to press buttons for. `canBreak`: there is a connection that is whole. */
  buttons({ isOnline, isOpening, canBreak }: { isOnline: boolean; isOpening: boolean; canBreak: boolean }): void {
    const isOpen = this.#state !== 'none' && this.#state !== 'closed';
    const hadFocus = document.activeElement;
    this.#open.hidden = isOpen;
    setText(this.#open, isOpening ? 'Opening …' : 'Open a tube');
    allow(this.#open, isOnline && !isOpening);
    this.#break.hidden = this.#restart.hidden = this.#close.hidden = !isOpen;
    allow(this.#break, this.#state === 'connected' && canBreak);
    allow(this.#restart, isOnline && (this.#state === 'connected' || this.#state === 'failed'));
    allow(this.#close, isOnline);
    // A button that goes away must not take the keyboard with it.
    if (isOpen && hadFocus === this.#open) this.#break.focus();
    if (!isOpen && (hadFocus === this.#break || hadFocus === this.#restart || hadFocus === this.#close))
      this.#open.focus();
  }

  show(state: ShownState, nowMs: number): void {
    if (state !== this.#state) this.#sinceMs = nowMs;
    this.#state = state;
    document.body.dataset.state = state;
    for (const name of shownStates) {
      const station = byId(`state-${name}`, HTMLElement);
      if (name === state) station.setAttribute('aria-current', 'step');
      else station.removeAttribute('aria-current');
    }
    setText(this.#sentence, sentences[state]);
  }

  figures(generation: number | null, rttMs: number | null, nowMs: number): void {
    const isOpen = this.#state !== 'none' && this.#state !== 'closed';
    this.#figures.hidden = this.#state === 'none';
    setText(this.#generation, generation === null ? '–' : String(generation));
    setText(this.#rtt, this.#state === 'connected' && rttMs !== null ? roundTrip(rttMs) : '–');
    setText(this.#since, isOpen ? duration(nowMs - this.#sinceMs) : '–');
  }

  /** Empty: everything is well. */
  problem(text: string): void {
    setText(this.#problem, text);
    this.#problem.hidden = text === '';
  }
}

/** Not `disabled`: that takes the focus away from who works with the keyboard. */
function allow(button: HTMLButtonElement, isAllowed: boolean): void {
  button.setAttribute('aria-disabled', String(!isAllowed));
}

function onPress(button: HTMLButtonElement, action: () => void): void {
  button.addEventListener('click', () => {
    if (button.getAttribute('aria-disabled') !== 'true') action();
  });
}
