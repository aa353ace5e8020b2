/**
 * What the laboratory and its peer processes say to each other, and the messages of the numbered stream: `<number> <when it was sent>`. All times
 * are `Date.now()`: everybody runs on one machine.
 */
export interface Arrival {
  readonly number: number;
  readonly sentAtMs: number;
  readonly atMs: number;
}

export interface OpenTube {
  readonly tubeId: string;
  readonly url: string;
  readonly token: string;
  /** False: the library is not told of changes of its own network. */
  readonly watchesNetwork: boolean;
  /** Media goes through the UDP relay in the router. */
  readonly relayed: boolean;
  /** Numbers that an earlier process has used. */
  readonly sentBefore: number;
}

export type PeerCommand =
  | { readonly kind: 'open'; readonly tubes: readonly OpenTube[] }
  | { readonly kind: 'stream'; readonly everyMs: number }
  | { readonly kind: 'stop' }
  | { readonly kind: 'answer'; readonly ask: number; readonly host: string; readonly port: number }
  | { readonly kind: 'end' };

export type PeerReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'stopped' }
  /** Which address of the relay leads to this one? Answered with `answer`. */
  | { readonly kind: 'ask'; readonly ask: number; readonly host: string; readonly port: number }
  | { readonly kind: 'opened'; readonly tubeId: string }
  | {
      readonly kind: 'state';
      readonly tubeId: string;
      readonly state: string;
      readonly reason: string | null;
      readonly atMs: number;
    }
  | {
      readonly kind: 'restart';
      readonly tubeId: string;
      readonly phase: string;
      readonly generation: number;
      readonly atMs: number;
    }
  | { readonly kind: 'error'; readonly tubeId: string; readonly text: string }
  /** `sent` and `refused` since the start of the process, `sentBefore` included. */
  | {
      readonly kind: 'traffic';
      readonly tubeId: string;
      readonly arrivals: readonly Arrival[];
      readonly sent: number;
      readonly refused: number;
    };

export const writeMessage = (number: number, sentAtMs: number): string => `${String(number)} ${String(sentAtMs)}`;

export function readMessage(text: string): { readonly number: number; readonly sentAtMs: number } {
  const [number = NaN, sentAtMs = NaN] = text.split(' ').map(Number);
  return { number, sentAtMs };
}
