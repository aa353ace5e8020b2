/** The form that asks for the control token when the link had none, or a wrong one. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../app.js';
import type { TokenWish } from '../socket/session.js';

interface TokenPageProps {
  readonly wish: TokenWish;
}

const causes: Readonly<Record<TokenWish['cause'], string>> = {
  none: 'The link that brought you here has no token.',
  refused: 'It may be that of another service, or of an earlier run of this one.',
  left: 'You are signed out of this tab.',
};

const howTo =
  'The link that the service prints when it starts contains one: open that, or enter a token of this service. It is kept for this tab only.';

const refusalOf = ({ cause, detail }: TokenWish): string =>
  cause === 'refused' ? `The service did not accept the token. ${detail}` : '';

export function TokenPage({ wish }: TokenPageProps): JSX.Element {
  const { session } = useApp();
  const input = useRef<HTMLInputElement>(null);
  const missing = useSignal(false);
  const said = missing.value ? 'Enter the token first.' : refusalOf(wish);
  useEffect(() => input.current?.focus(), [wish]);
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
      <p class="hint">{`${causes[wish.cause]} ${howTo}`}</p>
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
