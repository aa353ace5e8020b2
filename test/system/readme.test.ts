/** The examples of README.md do what it says: each is taken out of it as it stands and run against the real service. Needs a build. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chromium, type Browser } from 'playwright-core';
import { chromiumFlags } from '../support/chromium.js';
import { describeWith, pathOf } from '../support/require.js';
import { Controller, controlToken, startService, type Service } from '../support/service.js';
import { until } from '../support/until.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The block of README.md whose first line names the file. */
async function example(name: string): Promise<string> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```(?:js|html)\n(.*?)^```$/gms)].map(([, text = '']) => text);
  const found = blocks.find((text) => /^(?:\/\/|<!--) (\S+?\.\w+)/.exec(text)?.[1] === name);
  if (found === undefined) throw new Error(`README.md has no example ${name}`);
  return found;
}

let service: Service;
let folder: string;
const running: Program[] = [];

/** One of the examples, as `node <name>` in the folder of the project. */
class Program {
  text = '';
  readonly #child: ChildProcess;

  private constructor(file: string, env: Record<string, string>) {
    this.#child = spawn(process.execPath, [file], {
      env: { ...process.env, HOLDFAST_URL: service.url, HOLDFAST_TOKEN: controlToken, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const read = (chunk: string): string => (this.text += chunk);
    this.#child.stdout?.setEncoding('utf8').on('data', read);
    this.#child.stderr?.setEncoding('utf8').on('data', read);
    running.push(this);
  }

  static async start(name: string, env: Record<string, string> = {}): Promise<Program> {
    const file = join(folder, name);
    await writeFile(file, await example(name));
    return new Program(file, env);
  }

  async says(words: string): Promise<void> {
    await until(() => this.text.includes(words), 10_000, `"${words}" in: ${this.text}`);
  }

  async stop(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'exit');
    }
    return this.#child.exitCode;
  }
}

beforeAll(async () => {
  service = await startService();
  // Inside the project, so that `holdfast/peer` and `socket.io-client` are found as they are by a reader.
  await mkdir(join(root, 'tmp'), { recursive: true });
  folder = await mkdtemp(join(root, 'tmp/readme-'));
}, 30_000);

afterAll(async () => {
  await Promise.all(running.map((program) => program.stop()));
  await service?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('the controller and the peer in Node', () => {
  it('talk to each other', async () => {
    const controller = await Program.start('controller.mjs');
    await controller.says('PEER_TOKEN=');
    const token = /PEER_TOKEN=(\S+)/.exec(controller.text)?.[1] ?? '';
    const peer = await Program.start('peer.mjs', { PEER_TOKEN: token });
    await peer.says('connected');
    await controller.says('the tube is connected');
    await controller.says('the peer says you said hello');
    expect(await peer.stop()).toBe(0);
  }, 30_000);
});

describeWith('chromium', 'the pages', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: pathOf('chromium'), args: chromiumFlags });
  }, 30_000);
  afterAll(() => browser?.close());

  it('library.html echoes, from another origin than the service', async () => {
    const html = (await example('library.html')).replaceAll('http://127.0.0.1:8080', service.url);
    const elsewhere: Server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end(html);
    }).listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const controller = await Program.start('controller.mjs');
    await controller.says('PEER_TOKEN=');
    const token = /PEER_TOKEN=(\S+)/.exec(controller.text)?.[1] ?? '';
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/library.html#${token}`);
    await controller.says('the peer says you said hello');
    expect(await page.innerText('#out')).toContain('hello');
    await page.close();
    elsewhere.close();
  }, 30_000);

  it('page.html echoes through relay.mjs, also after a restart on the same connection and channels', async () => {
    await writeFile(join(folder, 'page.html'), await example('page.html'));
    const port = await freePort();
    const relay = await Program.start('relay.mjs', { PORT: String(port) });
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    await goto(() => page.goto(`http://127.0.0.1:${port}/`));
    await relay.says('the page says you said hello, plain page');

    const control = await Controller.connect(service.url);
    const { tubes } = await control.ok('list_tubes', { state: 'connected' });
    const tubeId = (tubes as { tube_id: string; peer_kind: string }[]).find(
      (tube) => tube.peer_kind === 'plain',
    )?.tube_id;
    await control.ok('subscribe', { tube_id: tubeId });
    await control.ok('restart_ice', { tube_id: tubeId });
    await control.next(({ kind }) => kind === 'recovered');
    await control.ok('send', { tube_id: tubeId, data: 'again' });
    await relay.says('the page says you said again');
    expect(errors).toEqual([]);
    control.close();
    await page.close();
  }, 30_000);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** The program of the page needs a moment to listen. */
async function goto(attempt: () => Promise<unknown>): Promise<void> {
  for (let left = 50; ; left--) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
