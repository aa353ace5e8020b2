/** What became of the question for a relay, as the metrics tell it: given, refused, and not answered at all. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith } from '../support/require.js';
import { Controller, startService } from '../support/service.js';
import { startTurnServer, type TurnServer } from '../support/turn-server.js';
import { sleep } from '../support/until.js';

const secret = 'shared-with-coturn';

describeWith('coturn', 'relays in the metrics', () => {
  let turn: TurnServer;
  beforeAll(async () => {
    turn = await startTurnServer({ secret });
  }, 30_000);
  afterAll(() => turn.stop());

  /** Of a service with that TURN server, once a generation has gathered. */
  async function relays(url: string, sharedSecret: string): Promise<Record<string, number>> {
    const flags = ['--turn-urls', url, '--turn-secret', sharedSecret, '--bind-address', '127.0.0.1'];
    const service = await startService(flags);
    try {
      const control = await Controller.connect(service.url);
      await control.ok('create_tube', { conversation_id: 'relay', settings: {}, trickle_ice: true });
      control.close();
      for (;;) {
        const text = await (await fetch(`${service.url}/metrics`)).text();
        const value = (series: string): number =>
          Number(
            text
              .split('\n')
              .find((line) => line.startsWith(`holdfast_${series} `))
              ?.split(' ')[1],
          );
        const count = (relay: string) => value(`ice_gathering_duration_seconds_count{relay="${relay}"}`);
        const failures = (cause: string) => value(`turn_allocation_failures_total{cause="${cause}"}`);
        const found = {
          allocated: count('allocated'),
          refused: failures('refused'),
          unreachable: failures('unreachable'),
        };
        if (Object.values(found).some((number) => number > 0)) return found;
        await sleep(100);
      }
    } finally {
      await service.stop();
    }
  }

  it('one that was given is no failure', async () => {
    expect(await relays(turn.url, secret)).toEqual({ allocated: 1, refused: 0, unreachable: 0 });
  }, 30_000);

  it('wrong credentials are a refusal', async () => {
    expect(await relays(turn.url, 'another-secret-than-coturn')).toEqual({ allocated: 0, refused: 1, unreachable: 0 });
  }, 30_000);

  it('a server that does not answer is unreachable', async () => {
    expect(await relays('turn:127.0.0.1:9', secret)).toEqual({ allocated: 0, refused: 0, unreachable: 1 });
  }, 90_000);
});
