/** The lists of one column: messages that were sent and arrived at this end, and what was reported there, each line with its time. */
import type { End } from './console-tube.js';
import { addLine, byId, element } from './dom.js';
import { clipped, timeOfDay } from './format.js';

const maxLines = 300;

export class ColumnView {
  readonly #messages: HTMLElement;
  readonly #log: HTMLElement;
  readonly #input: HTMLInputElement;
  readonly #button: HTMLButtonElement;

  constructor(end: End, send: (text: string) => Promise<void>) {
    this.#messages = byId(`${end}-messages`, HTMLElement);
    this.#log = byId(`${end}-log`, HTMLElement);
    this.#input = byId(`${end}-text`, HTMLInputElement);
    this.#button = byId(`${end}-send`, HTMLButtonElement);
    byId(`${end}-form`, HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#input.value;
      if (text === '' || this.#button.disabled) return;
      void send(text).then(
        () => {
          this.#input.value = '';
          this.message('sent', text);
        },
        // The caller has said what went wrong; the text stays for another try.
        () => this.#input.focus(),
      );
    });
  }

  enable(on: boolean): void {
    this.#input.disabled = this.#button.disabled = !on;
  }

  message(direction: 'sent' | 'arrived', text: string): void {
    const line = element(
      'li',
      `message ${direction}`,
      element('span', 'text', clipped(text, 2000)),
      element('span', 'meta', `${direction} ${timeOfDay(new Date())}`),
    );
    addLine(this.#messages, line, maxLines);
  }

  report(kind: string, text: string): void {
    const line = element(
      'li',
      'report',
      element('time', '', timeOfDay(new Date())),
      element('span', 'text', text),
      element('code', '', kind),
    );
    addLine(this.#log, line, maxLines);
  }

  clear(): void {
    this.#messages.replaceChildren();
    this.#log.replaceChildren();
  }
}
