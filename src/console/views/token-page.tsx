/** The form that asks for the control token when the link had none, or a wrong one. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../app.js';

interface TokenPageProps {
  /** Why it asks again, or empty. */
  readonly problem: string;
}

export function TokenPage({ problem }: TokenPageProps): JSX.Element {
  const { session } = useApp();
  const input = useRef<HTMLInputElement>(null);
  const missing = useSignal(false);
  const said = missing.value ? 'Enter the token first.' : problem;
  useEffect(() => input.current?.focus(), [problem]);
  const submitted = (event: Event): void => {
    event.preventDefault();
    const token = input.current?.value.trim() ?? '';
    missing.value = token === '';
    if (token !== '') session.signIn(token);
  };
  return (
    <section class="card token" aria-labelledby="token-title">
      <h1 id="token-title" tabIndex={-1}>
        Control token
      </h1>
      <p class="hint">
        The link that the service prints when it starts contains a token, and this one has none. Open that link, or
        enter a token of this service. It is kept for this tab only.
      </p>
      <form class="line-form" autocomplete="off" onSubmit={submitted}>
        <label>
          <span>Token</span>
          <input
            ref={input}
            type="password"
            autocomplete="off"
            spellcheck={false}
            aria-invalid={said !== ''}
            aria-describedby="token-error"
          />
        </label>
        <button class="primary" type="submit">
          Continue
        </button>
      </form>
      <p id="token-error" class={said === '' ? '' : 'problem'} role="alert">
        {said}
      </p>
    </section>
  );
}
