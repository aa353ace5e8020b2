// The thread of watchdog.mjs: everything here happens while the main thread may be stuck.
import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync } from 'node:fs';
import { Session } from 'node:inspector';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

const { beats, pid, blockedAfterMs, endlessAfterMs } = workerData;
/** A file, because jest loses the output of the second process that it starts. `.ci/run` prints it. */
const log = new URL('../../tmp/watchdog.log', import.meta.url);
const now = () => performance.now();

let file = null;
let startedAt = now();
let seen = 0;
let seenAt = now();

parentPort.on('message', (name) => {
  file = name;
  startedAt = now();
});

setInterval(() => {
  const count = Atomics.load(beats, 0);
  if (count !== seen) {
    seen = count;
    seenAt = now();
  }
  if (file === null) return;
  if (now() - seenAt > blockedAfterMs) void end(`has blocked its process for ${blockedAfterMs / 1000} s`);
  else if (now() - startedAt > endlessAfterMs) void end(`has not ended after ${endlessAfterMs / 1000} s`);
}, 1000);

async function end(why) {
  const what = file;
  file = null;
  const stack = await scriptStack();
  mkdirSync(new URL('.', log), { recursive: true });
  appendFileSync(log, `watchdog: ${what} ${why}.\n${stack}\n`);
  // From outside, because a debugger stops this thread too: what the native threads wait for, where the machine can tell, and the end.
  const script =
    'timeout -k 1 20 gdb -p "$0" -batch -ex "thread apply all bt 14" 2>/dev/null | grep -E "^(#|Thread)" | tail -n 150 | cut -c1-160 >>"$1"; kill -KILL "$0"';
  spawn('sh', ['-c', script, String(pid), fileURLToPath(log)], { stdio: 'ignore', detached: true }).unref();
}

/** Where the script of the main thread is. */
function scriptStack() {
  return new Promise((resolve) => {
    const session = new Session();
    setTimeout(() => resolve('No script is running in it: it waits, or is in a native call.'), 3000);
    session.on('Debugger.paused', ({ params }) => {
      const frames = params.callFrames.map(
        ({ functionName, url, location }) =>
          `  at ${functionName || '(anonymous)'} (${url}:${location.lineNumber + 1})`,
      );
      resolve(frames.join('\n'));
    });
    try {
      session.connectToMainThread();
      session.post('Debugger.enable');
      session.post('Debugger.pause');
    } catch (error) {
      resolve(String(error));
    }
  });
}
