// Ends a test process that no timeout of jest's can end: one whose event loop is blocked (an endless loop, a native call that never returns), or
// whose file goes on for ever. It says what was going on, and jest reports that one file as failed and goes on with the next in a new process.
// One CI run was lost to a file that never ended, and nothing told which.
import { Worker } from 'node:worker_threads';

/** The longest file takes 70 s on two cores; the longest computation in one piece 15 s. */
const blockedAfterMs = 120_000;
const endlessAfterMs = 360_000;

let thread = null;

function start() {
  const beats = new Int32Array(new SharedArrayBuffer(4));
  thread = new Worker(new URL('./watchdog-thread.mjs', import.meta.url), {
    workerData: { beats, pid: process.pid, blockedAfterMs, endlessAfterMs },
  });
  thread.unref();
  setInterval(() => Atomics.add(beats, 0, 1), 1000).unref();
}

/** From here on this file is what the process is at. */
export function watch(file) {
  if (thread === null) start();
  thread.postMessage(file);
}
