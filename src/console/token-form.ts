/** The form that asks for the control token when the link had none, or a wrong one. */
import { byId, setText } from './dom.js';

export class TokenForm {
  readonly #section = byId('token-section', HTMLElement);
  readonly #workbench = byId('workbench', HTMLElement);
  readonly #input = byId('token', HTMLInputElement);
  readonly #error = byId('token-error', HTMLElement);

  constructor(given: (token: string) => void) {
    byId('token-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      const token = this.#input.value.trim();
      if (token === '') return this.ask('Enter the token first.');
      this.#section.hidden = true;
      this.#workbench.hidden = false;
      this.#input.value = '';
      given(token);
    });
  }

  /** `error`: why it asks again, or empty. */
  ask(error: string): void {
    this.#workbench.hidden = true;
    this.#section.hidden = false;
    setText(this.#error, error);
    this.#error.hidden = error === '';
    if (error === '') this.#input.removeAttribute('aria-invalid');
    else this.#input.setAttribute('aria-invalid', 'true');
    this.#input.focus();
  }
}
