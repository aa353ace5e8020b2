/** The story of the last break or restart, one line per step. A live region: a screen reader says each line when it comes. */
import { byId, element } from './dom.js';
import { inMs } from './format.js';
import type { Beginning, StoryLine } from './incident-story.js';

const titles: Readonly<Record<Beginning, string>> = {
  break: 'After the break',
  asked: 'A restart on request',
  unasked: 'An incident',
};

export class StoryView {
  readonly #title = byId('story-title', HTMLElement);
  readonly #hint = byId('story-hint', HTMLElement);
  readonly #lines = byId('story', HTMLElement);

  begin(beginning: Beginning): void {
    this.#title.textContent = titles[beginning];
    this.#hint.hidden = true;
    this.#lines.replaceChildren();
  }

  add({ afterMs, text, tone }: StoryLine): void {
    const line = element('li', '', element('span', 'after', inMs(afterMs)), element('span', 'text', text));
    line.dataset.tone = tone;
    this.#lines.append(line);
  }

  clear(): void {
    this.#title.textContent = 'What to try';
    this.#hint.hidden = false;
    this.#lines.replaceChildren();
  }
}
