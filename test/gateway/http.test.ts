// The HTTP routes over a real port, and the life of the gateway: readiness, draining, stopping.
import { request } from 'node:http';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { HttpOptions } from '../../src/gateway/http.js';
import { Harness, nextEvent, until } from '../support/gateway-harness.js';

let folder: string;
let harness: Harness;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-http-'));
  await mkdir(join(folder, 'public/console'), { recursive: true });
  await writeFile(join(folder, 'secret.html'), 'SECRET');
  await writeFile(join(folder, 'public/console/index.html'), '<!doctype html>');
  await writeFile(join(folder, 'public/console/main.js'), 'export {};');
  await writeFile(join(folder, 'public/console/notes.txt'), 'not a web file');
  await writeFile(join(folder, 'public/console/.hidden.js'), 'SECRET');
  await writeFile(join(folder, 'public/holdfast-peer.js'), 'export const peer = 1;');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const httpOptions = (): HttpOptions => ({
  publicDir: join(folder, 'public'),
  isReady: () => harness.isReady,
  metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'holdfast_info 1\n' }),
  info: () => ({ version: '1.2.3' }),
});

beforeEach(async () => {
  harness = await new Harness({ http: httpOptions() }).start();
});
afterEach(() => harness.stop());

const get = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${harness.url}${path}`, { redirect: 'manual', ...init });

/** fetch() tidies paths up before it sends them; this does not. */
function getRaw(path: string): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(harness.url);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('routes', () => {
  test('/livez, /metrics and /api/v1/info', async () => {
    expect(await (await get('/livez')).json()).toEqual({ status: 'ok' });
    const metrics = await get('/metrics');
    expect(metrics.headers.get('content-type')).toContain('version=0.0.4');
    expect(await metrics.text()).toBe('holdfast_info 1\n');
    expect(await (await get('/api/v1/info')).json()).toEqual({ version: '1.2.3', draining: false });
  });

  test.each(['/readyz', '/healthz'])('%s follows the service', async (path) => {
    expect((await get(path)).status).toBe(200);
    harness.isReady = false;
    const response = await get(path);
    expect(response.status).toBe(503);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({
      status: 503,
      code: 'service_not_ready',
      title: expect.any(String),
      type: expect.any(String),
    });
    expect((await get('/livez')).status).toBe(200);
  });

  test('/ leads to the console, which may run its own files only', async () => {
    expect((await get('/')).headers.get('location')).toBe('/console/');
    expect((await get('/console')).headers.get('location')).toBe('/console/');
    const page = await get('/console/');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = page.headers.get('content-security-policy') ?? '';
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self';",
      "img-src 'self' data:",
    ]) {
      expect(policy).toContain(rule);
    }
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await get('/console/main.js')).headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  });

  test('without the console there is none, and the peer library stays', async () => {
    await harness.stop();
    const http: HttpOptions = { ...httpOptions(), console: false };
    harness = await new Harness({ http }).start();
    for (const path of ['/', '/console', '/console/', '/console/main.js']) expect((await get(path)).status).toBe(404);
    expect((await get('/peer/holdfast-peer.js')).status).toBe(200);
  });

  test('the peer library may be imported by any page', async () => {
    const response = await get('/peer/holdfast-peer.js');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    expect(await response.text()).toContain('peer = 1');
  });

  test.each([
    '/nothing',
    '/console/missing.js',
    '/console/notes.txt',
    '/console/.hidden.js',
    '/console/../../secret.html',
    '/console/..%2f..%2fsecret.html',
    '/console/%2e%2e/%2e%2e/secret.html',
    '/console/..%5c..%5csecret.html',
    '/console/%00.js',
    '/console/%E0%A4%A.js',
    '/console//etc/passwd.html',
    '/peer/',
    '/api/v1/nothing',
  ])('%s is not found', async (path) => {
    const { status, body } = await getRaw(path);
    expect(body).not.toContain('SECRET');
    expect(status).toBe(404);
    expect(JSON.parse(body)).toMatchObject({ status: 404, code: 'http_not_found' });
  });

  test('other methods are not found either, HEAD works', async () => {
    expect((await get('/livez', { method: 'POST' })).status).toBe(404);
    expect((await get('/livez', { method: 'HEAD' })).status).toBe(200);
  });

  test('a failing supplier is an internal error without details', async () => {
    const broken = await new Harness({
      http: {
        publicDir: folder,
        isReady: () => true,
        metrics: () => Promise.reject(new Error('SECRET')),
        info: () => ({}),
      },
    }).start();
    try {
      const response = await fetch(`${broken.url}/metrics`);
      expect(response.status).toBe(500);
      const body = await response.text();
      expect(JSON.parse(body)).toMatchObject({ code: 'service_internal' });
      expect(body).not.toContain('SECRET');
    } finally {
      await broken.stop();
    }
  });

  test('polling is not offered', async () => {
    expect((await get('/socket.io/?EIO=4&transport=polling')).status).toBe(400);
  });
});

describe('life', () => {
  test('start is idempotent, and fails on a port that is taken', async () => {
    expect(await harness.gateway.start()).toEqual(await harness.gateway.start());
    const { port } = await harness.gateway.start();
    const second = new Harness({ port });
    await expect(second.start()).rejects.toThrow('EADDRINUSE');
    await second.stop();
  });

  test('draining: not ready, no new tubes, everybody is told, running calls are answered', async () => {
    const controller = await harness.controller();
    const call = { conversation_id: 'talk', idempotency_key: 'k' };
    const { tubeId, peerToken } = await controller.createTube(call);
    const peer = harness.client('/peer', { token: peerToken });
    const connected = nextEvent(peer, 'connect');
    peer.connect();
    await connected;
    const told = Promise.all([nextEvent(controller.socket, 'draining'), nextEvent(peer, 'draining')]);
    let finish = (): void => undefined;
    harness.tubes.duringCreate = () => new Promise((resolve) => (finish = resolve));
    const running = controller.call('create_tube', { conversation_id: 'running' });
    await until(() => harness.tubes.views.size === 2);
    let drained = false;
    const draining = harness.gateway.drain().then(() => (drained = true));
    expect(await told).toEqual([{ reason: 'shutdown' }, { reason: 'shutdown' }]);
    expect((await get('/readyz')).status).toBe(503);
    expect((await (await get('/healthz')).json()) as object).toMatchObject({ code: 'service_draining' });
    expect((await controller.call('create_tube', { conversation_id: 'talk' })).error).toMatchObject({
      code: 'service_draining',
      retryable: true,
    });
    expect((await controller.call('create_tube', call))['tube_id']).toBe(tubeId);
    expect(drained).toBe(false);
    finish();
    expect((await running).ok).toBe(true);
    await draining;
    const late = harness.client('/control', { token: 'acme-secret' });
    const lateTold = nextEvent(late, 'draining');
    late.connect();
    await lateTold;
  });

  test('stop ends connections so that clients come back, and tells no tube that its peer left', async () => {
    const controller = await harness.controller();
    const { peerToken } = await controller.createTube();
    const peer = harness.client('/peer', { token: peerToken });
    const connected = nextEvent(peer, 'connect');
    peer.connect();
    await connected;
    const reasons = Promise.all([nextEvent(controller.socket, 'disconnect'), nextEvent(peer, 'disconnect')]);
    await Promise.all([harness.gateway.stop(), harness.gateway.stop()]);
    expect(await reasons).toEqual(['transport close', 'transport close']);
    expect(controller.socket.active).toBe(true);
    expect(harness.tubes.calls('peerSignalling')).toHaveLength(1);
    await expect(get('/livez')).rejects.toThrow();
  });

  test('stop without start', async () => {
    const never = new Harness();
    await never.gateway.stop();
  });
});
