/** A part of a page with a heading, facts as pairs of a name and a value, and the line that says what went wrong. */
import type { ComponentChildren, JSX } from 'preact';
import { useId } from 'preact/hooks';

interface CardProps {
  readonly title: string;
  /** Beside the title. */
  readonly aside?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}

export function Card({ title, aside, class: className = '', children }: CardProps): JSX.Element {
  const id = useId();
  return (
    <section class={`card ${className}`} aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

interface FactProps {
  readonly name: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** In a `<dl>`. */
export function Fact({ name, class: className = '', children }: FactProps): JSX.Element {
  return (
    <div class={className}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

interface ProblemProps {
  /** Empty: everything is well, and there is nothing to see. */
  readonly text: string;
}

export function Problem({ text }: ProblemProps): JSX.Element | null {
  return text === '' ? null : (
    <p class="problem" role="alert">
      {text}
    </p>
  );
}
