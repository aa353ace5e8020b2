/** Buttons that ask the service for something: busy while it is asked, and what came of it in words. Dangerous ones ask back first. */
import { computed, signal, type ReadonlySignal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import { useApp } from '../app.js';

export interface Outcome {
  /** Empty: nothing was asked yet. */
  readonly text: string;
  readonly isBad: boolean;
}

export interface Asking {
  readonly outcome: ReadonlySignal<Outcome>;
  /** The service is being asked, or cannot be. */
  readonly isOff: ReadonlySignal<boolean>;
  /** `done`: what to say when it succeeded. */
  readonly ask: (action: () => Promise<unknown>, done: string) => void;
}

export function useAsking(): Asking {
  const { session } = useApp();
  return useMemo(() => {
    const outcome = signal<Outcome>({ text: '', isBad: false });
    const isBusy = signal(false);
    const run = async (action: () => Promise<unknown>, done: string): Promise<void> => {
      isBusy.value = true;
      try {
        await action();
        outcome.value = { text: done, isBad: false };
      } catch (error) {
        outcome.value = { text: error instanceof Error ? error.message : String(error), isBad: true };
      }
      isBusy.value = false;
    };
    const isOff = computed(() => isBusy.value || !session.isOnline);
    return { outcome, isOff, ask: (action, done) => void run(action, done) };
  }, []);
}

interface OutcomeLineProps {
  readonly asking: Asking;
}

export function OutcomeLine({ asking }: OutcomeLineProps): JSX.Element {
  const { text, isBad } = asking.outcome.value;
  return (
    <p class={`outcome ${isBad ? 'tone-bad' : 'tone-good'}`} role="status">
      {text}
    </p>
  );
}

interface ActionButtonProps {
  readonly class?: string;
  readonly isOff?: boolean;
  readonly onPress: () => void;
  readonly children: ComponentChildren;
}

/** Not `disabled` when it is off: that takes the focus away from who works with the keyboard. */
export function ActionButton({
  class: className = '',
  isOff = false,
  onPress,
  children,
}: ActionButtonProps): JSX.Element {
  const pressed = (): void => {
    if (!isOff) onPress();
  };
  return (
    <button type="button" class={className} aria-disabled={isOff} onClick={pressed}>
      {children}
    </button>
  );
}

interface ConfirmButtonProps extends ActionButtonProps {
  readonly question: string;
  readonly yes: string;
}

export function ConfirmButton({ question, yes, onPress, ...button }: ConfirmButtonProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const answered = (isYes: boolean): void => {
    dialog.current?.close();
    if (isYes) onPress();
  };
  return (
    <>
      <ActionButton {...button} onPress={() => dialog.current?.showModal()} />
      <dialog ref={dialog} aria-label={question}>
        <p>{question}</p>
        <div class="actions">
          <button type="button" class="danger" onClick={() => answered(true)}>
            {yes}
          </button>
          <button type="button" onClick={() => answered(false)}>
            No, leave it
          </button>
        </div>
      </dialog>
    </>
  );
}
