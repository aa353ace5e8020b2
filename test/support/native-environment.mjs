// The jest environment of all suites: Node's, which also shuts the native WebRTC library down after each test file.
// Without that, its threads keep the jest process (or a worker) alive, and connections that a failed test left open
// call back into a test file that is gone. Runs after every afterAll, and does nothing when the library was not loaded.
import { createRequire } from 'node:module';
import { TestEnvironment } from 'jest-environment-node';
import { watch } from './watchdog.mjs';

const require = createRequire(import.meta.url);

/** jest loads native addons with the real `require`, so the one that the test file used is in the real cache. */
function loadedAddon() {
  const path = Object.keys(require.cache).find((file) => /node_datachannel.*\.node$/.test(file));
  return path === undefined ? undefined : require(path);
}

export default class NativeEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    watch(context.testPath);
  }

  async teardown() {
    loadedAddon()?.cleanup();
    await super.teardown();
    watch(null);
  }
}
