/** Chromium inside a network namespace: playwright starts a script that enters it and becomes the browser. One browser serves many runs. */
import { rmSync } from 'node:fs';
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { chromiumFlags } from '../../support/chromium.js';
import type { Namespace } from './netns.js';

/** @param chromiumPath of the program. The folder of the script is gone when the browser is closed. */
export async function launchIn(namespace: Namespace, chromiumPath: string): Promise<Browser> {
  const folder = await mkdtemp(join(tmpdir(), 'hflab-'));
  const script = join(folder, 'chromium');
  await writeFile(script, `#!/bin/sh\nexec ${namespace.prefix} '${chromiumPath}' "$@"\n`);
  await chmod(script, 0o755);
  const browser = await chromium.launch({ executablePath: script, args: chromiumFlags });
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  browser.on('disconnected', remove);
  process.once('exit', remove);
  return browser;
}
