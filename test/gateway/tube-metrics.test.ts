// /metrics/tubes over a real port: who may look, what is on a page, and that Prometheus can read it.
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { tubesText } from '../../src/gateway/tube-text.js';
import type { TubeIdentity } from '../../machines/events.js';
import { acmeToken, Harness, otherToken } from '../support/gateway-harness.js';
import { describeWith, pathOf } from '../support/require.js';

const http = {
  publicDir: '/nonexistent',
  isReady: () => true,
  metrics: async () => ({ contentType: 'text/plain', body: '' }),
  info: () => ({}),
  tubeMetrics: true,
};

let harness: Harness;
beforeEach(async () => {
  harness = await new Harness({ http }).start();
});
afterEach(() => harness.stop());

const id = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

function identity(number: number, tenant = 'acme', conversationId = 'call'): TubeIdentity {
  return { tubeId: id(number), conversationId, tenant, peerTokenDigest: 'S3CRET', createdAtMs: 1_700_000_000_000 };
}

const ask = (query = '', token: string | null = acmeToken, base = harness.url): Promise<Response> =>
  fetch(`${base}/metrics/tubes${query}`, token === null ? {} : { headers: { authorization: `Bearer ${token}` } });

const tubesOf = (text: string): string[] =>
  [...text.matchAll(/^holdfast_tube_generation\{tube_id="([^"]+)"/gm)].map(([, tubeId]) => tubeId ?? '');

describe('who may look', () => {
  test('nobody unless it is turned on', async () => {
    const off = await new Harness().start();
    try {
      expect((await ask('', acmeToken, off.url)).status).toBe(404);
    } finally {
      await off.stop();
    }
  });

  test('nobody without a token, or with one that is not known, and it is counted', async () => {
    const missing = await ask('', null);
    expect(missing.status).toBe(401);
    expect(missing.headers.get('www-authenticate')).toContain('Bearer');
    expect(await missing.json()).toMatchObject({ status: 401, code: 'auth_missing' });
    expect(await (await ask('', 'guess')).json()).toMatchObject({ code: 'auth_invalid' });
    expect(harness.seen.authFailures).toEqual([
      ['control_token', 'missing'],
      ['control_token', 'invalid'],
    ]);
    expect(harness.seen.logged.join()).not.toContain('guess');
  });

  test('a token in the address is none', async () => {
    expect((await ask(`?token=${acmeToken}`, null)).status).toBe(401);
  });

  test('each tenant sees its own tubes', async () => {
    harness.tubes.add(identity(1));
    harness.tubes.add(identity(2, 'other'));
    expect(tubesOf(await (await ask()).text())).toEqual([id(1)]);
    expect(tubesOf(await (await ask('', otherToken)).text())).toEqual([id(2)]);
  });

  test('an address that asks too often has to wait', async () => {
    const rates = {
      controlCallsPerSecond: 100,
      peerCallsPerSecond: 100,
      connectionsPer10s: 2,
      trustForwardedFor: false,
    };
    const strict = await new Harness({ http, rates }).start();
    try {
      const statuses: number[] = [];
      for (let n = 0; n < 3; n += 1) statuses.push((await ask('', 'guess', strict.url)).status);
      expect(statuses).toEqual([401, 401, 429]);
      expect(strict.seen.limited).toEqual(['address']);
    } finally {
      await strict.stop();
    }
  });
});

describe('what is on a page', () => {
  test('measurements, and nothing secret', async () => {
    harness.tubes.add(identity(1));
    const response = await ask();
    expect(response.headers.get('content-type')).toContain('version=0.0.4');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const text = await response.text();
    expect(text).toContain(`holdfast_tube_info{tube_id="${id(1)}",conversation_id="call",peer_kind="`);
    expect(text).toContain(`holdfast_tube_created_timestamp_seconds{tube_id="${id(1)}"} 1700000000`);
    expect(text).toMatch(/holdfast_tube_bytes_total\{tube_id="[^"]+",direction="in"\} \d/);
    expect(text).not.toMatch(/S3CRET|digest/i);
  });

  test('as many as were asked for; the link leads through all of them, once each', async () => {
    const all = Array.from({ length: 7 }, (_, number) => id(number));
    all.forEach((_, number) => harness.tubes.add(identity(number)));
    const seen: string[] = [];
    for (let query: string | null = '?limit=3'; query !== null;) {
      const response = await ask(query);
      const page = tubesOf(await response.text());
      expect(page.length).toBeLessThanOrEqual(3);
      seen.push(...page);
      query = /<\/metrics\/tubes(\?[^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1] ?? null;
    }
    expect(seen).toEqual(all);
  });

  test.each(['?limit=0', '?limit=501', '?limit=x', '?limit=1.5', '?cursor=nonsense'])(
    '%s is refused',
    async (query) => {
      const response = await ask(query);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code: 'input_schema' });
    },
  );

  test('a conversation that is called anything at all breaks no line', () => {
    harness.tubes.add(identity(1, 'acme', 'a"b\\c\nd'));
    const view = harness.tubes.views.get(id(1));
    if (view === undefined) throw new Error('there is no tube');
    const text = tubesText([{ view, stats: null }]);
    expect(text).toContain('conversation_id="a\\"b\\\\c\\nd"');
    expect(text).not.toContain('NaN');
    expect(text).not.toMatch(/undefined|null/);
  });
});

describeWith('promtool', 'promtool check metrics', () => {
  test('finds nothing to complain about on a page', async () => {
    for (let number = 0; number < 3; number += 1) harness.tubes.add(identity(number));
    const { status, stdout, stderr } = spawnSync(pathOf('promtool'), ['check', 'metrics'], {
      input: await (await ask()).text(),
      encoding: 'utf8',
    });
    expect(stdout + stderr).toBe('');
    expect(status).toBe(0);
  });
});
