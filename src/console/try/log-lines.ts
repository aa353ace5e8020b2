/** The lists of one end of the tube: messages that were sent and arrived there, and what was reported. Bounded: the oldest lines go. */
import { signal, type ReadonlySignal, type Signal } from '@preact/signals';

export interface LogLine {
  readonly number: number;
  readonly at: Date;
  /** Of a message its direction, of a report its kind. */
  readonly kind: string;
  readonly text: string;
}

const maxLines = 300;

class Lines {
  readonly lines: Signal<readonly LogLine[]> = signal([]);
  #count = 0;

  add(kind: string, text: string): void {
    this.#count += 1;
    this.lines.value = [...this.lines.value.slice(1 - maxLines), { number: this.#count, at: new Date(), kind, text }];
  }
}

export class EndLog {
  readonly #messages = new Lines();
  readonly #reports = new Lines();

  get messages(): ReadonlySignal<readonly LogLine[]> {
    return this.#messages.lines;
  }

  get reports(): ReadonlySignal<readonly LogLine[]> {
    return this.#reports.lines;
  }

  message(direction: 'sent' | 'arrived', text: string): void {
    this.#messages.add(direction, text);
  }

  report(kind: string, text: string): void {
    this.#reports.add(kind, text);
  }

  clear(): void {
    this.#messages.lines.value = [];
    this.#reports.lines.value = [];
  }
}
