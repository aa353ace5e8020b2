/**
 * Warns about messages that channels drop, without a line per message: one line at the first drop of a channel, then at most one every 5 s while
 * it goes on dropping. A channel that stopped costs nothing; how many are watched is bounded.
 */
import type { Log } from './logger.js';

const everyMs = 5000;
/** Beyond this only the metric tells (`data_channel_drops_total`). */
const maxWatched = 10_000;

interface DropLogOptions {
  readonly log: Pick<Log, 'warn'>;
  readonly schedule: (fn: () => void, delayMs: number) => void;
}

interface Watched {
  readonly tubeId: string;
  readonly label: string;
  /** Since the last line. */
  dropped: number;
  readonly causes: Set<string>;
}

export class DropLog {
  readonly #options: DropLogOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(options: DropLogOptions) {
    this.#options = options;
  }

  dropped(tubeId: string, label: string, cause: string, count: number): void {
    // Ids have no spaces.
    const key = `${tubeId} ${label}`;
    const known = this.#watched.get(key);
    if (known === undefined && this.#watched.size >= maxWatched) return;
    const watched = known ?? { tubeId, label, dropped: 0, causes: new Set<string>() };
    watched.dropped += count;
    watched.causes.add(cause);
    if (known !== undefined) return;
    this.#watched.set(key, watched);
    this.#tell(key, watched);
  }

  #tell(key: string, watched: Watched): void {
    const { tubeId, label, dropped, causes } = watched;
    if (dropped === 0) {
      this.#watched.delete(key);
      return;
    }
    const fields = { tube_id: tubeId, label, dropped, cause: [...causes].join(',') };
    watched.dropped = 0;
    causes.clear();
    this.#options.log.warn(fields, 'messages of a channel were dropped');
    this.#options.schedule(() => this.#tell(key, watched), everyMs);
  }
}
