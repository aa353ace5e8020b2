/**
 * What telling operators costs (`watch_tubes`): the memory of a story that nobody looks at, and the processor time of the book and the feed while many
 * tubes change, with no watcher and with some. Watchers are processes of their own, so that their work does not count.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { TubeEmission, TubeIdentity, TubeState } from '../machines/events.js';
import { IncidentBook } from '../src/registry/incident-book.js';
import { FakeDesk } from '../test/support/fake-desk.js';
import { acmeToken, Harness } from '../test/support/gateway-harness.js';

class BookDesk extends FakeDesk {
  constructor(private readonly book: IncidentBook) {
    super();
  }

  override row(tubeId: string) {
    return this.book.row(tubeId);
  }

  override *tubesOf(tenant: string): Generator<string> {
    yield* this.book.tubesOf(tenant);
  }

  override onRow(listener: (identity: TubeIdentity) => void) {
    return this.book.onRow(listener);
  }
}

const identityOf = (index: number): TubeIdentity => ({
  tubeId: `6f2c1b1e-0000-4000-8000-${String(index).padStart(12, '0')}`,
  conversationId: `conversation ${String(index)}`,
  tenant: 'acme',
  peerTokenDigest: '00',
  createdAtMs: Date.now(),
});

function say(book: IncidentBook, identity: TubeIdentity, emission: TubeEmission, atMs = Date.now()): void {
  book.observe({ identity, generation: 1, atMs, previousState: 'connected', emission });
}

const stateOf = (state: TubeState, reason: string): TubeEmission => ({ type: 'state', state, reason });

/** Many tubes that are well, each pinged every five seconds for a quarter of an hour. */
function idleBook(identities: readonly TubeIdentity[]): IncidentBook {
  const book = new IncidentBook({ now: () => Date.now(), maxClosed: 200, followedWithinMs: 120_000 });
  const startMs = Date.now() - 900_000;
  for (const identity of identities) {
    say(book, identity, stateOf('connected', 'a path works'), startMs);
    for (let ms = 0; ms < 900_000; ms += 5_000)
      say(book, identity, { type: 'ping', outcome: 'pong', rttMs: 20 + (ms % 7) + 0.5 }, startMs + ms);
  }
  return book;
}

function usedHeap(): number {
  setFlagsFromString('--expose_gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

/** Of one story of a tube that is well and pinged, after a quarter of an hour; its identity not counted. */
export function bytesPerStory(tubes: number): number {
  const identities = Array.from({ length: tubes }, (_, index) => identityOf(index));
  const before = usedHeap();
  const book = idleBook(identities);
  return (usedHeap() - before) / book.size.tubes;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Each change is one tube that turns degraded, or is connected again, in turn. */
async function change(book: IncidentBook, identities: readonly TubeIdentity[], perSecond: number, ms: number) {
  const startedAtMs = performance.now();
  let made = 0;
  while (performance.now() - startedAtMs < ms) {
    const due = ((performance.now() - startedAtMs) * perSecond) / 1000;
    for (; made < due; made += 1) {
      const identity = identities[(made * 7919) % identities.length];
      if (identity === undefined) continue;
      const isWell = book.row(identity.tubeId)?.state === 'connected';
      say(book, identity, isWell ? stateOf('degraded', 'missed_pings') : stateOf('connected', 'a path works'));
    }
    await sleep(5);
  }
}

async function watcher(url: string): Promise<ChildProcess> {
  const file = fileURLToPath(new URL('../../bench/watcher.mjs', import.meta.url));
  const child = fork(file, [url, acmeToken]);
  await once(child, 'message');
  return child;
}

export interface FeedCost {
  readonly watchers: number;
  /** Of one core, in [0, 1]: the changes themselves, the book, the feed and its sockets. */
  readonly coreShare: number;
}

/** The processor time of `perSecond` changes of `tubes` tubes, by the number of watchers. */
export async function feedCosts(
  tubes: number,
  perSecond: number,
  watchers: readonly number[],
  measuredMs = 5_000,
): Promise<FeedCost[]> {
  const identities = Array.from({ length: tubes }, (_, index) => identityOf(index));
  const book = idleBook(identities);
  const harness = await new Harness({ desk: new BookDesk(book), maxSocketBufferBytes: 64 * 1024 * 1024 }).start();
  const children: ChildProcess[] = [];
  const costs: FeedCost[] = [];
  for (const count of watchers) {
    while (children.length < count) children.push(await watcher(harness.url));
    // Until the code is hot.
    await change(book, identities, perSecond, 2_000);
    const before = process.cpuUsage();
    const startedAtMs = performance.now();
    await change(book, identities, perSecond, measuredMs);
    const { user, system } = process.cpuUsage(before);
    costs.push({ watchers: count, coreShare: (user + system) / 1000 / (performance.now() - startedAtMs) });
  }
  for (const child of children) child.kill();
  await harness.stop();
  return costs;
}
