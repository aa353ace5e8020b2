/** Writes records as fast as they are kept, and says of each what is kept, until it is killed. Started by test/integration/store-crash.test.ts. */
import { writeSync } from 'node:fs';
import { EmbeddedStore } from '../../../src/store/embedded-store.js';
import { recordOf } from '../../support/records.js';

const tubes = 50;
const [folder = '', first = '1'] = process.argv.slice(2);
const none = (): void => undefined;
const observer = { done: none, failing: none, recovered: none, skipped: none, forgotten: none };

const store = await EmbeddedStore.open(folder, observer);
await store.load();
for (let generation = Number(first); ; generation += 1) {
  for (let tube = 0; tube < tubes; tube += 1) store.put(recordOf(`tube-${String(tube)}`, { generation }));
  store.delete(`tube-${String(generation % tubes)}`);
  if (!(await store.flush(60_000))) process.exit(1);
  // Not before it is kept, and not after: a line that is out is a promise.
  writeSync(1, `${String(generation)}\n`);
}
