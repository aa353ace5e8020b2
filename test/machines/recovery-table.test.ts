import { describe, expect, test } from '@jest/globals';
import { judge, restartTriggers, type Evidence, type Verdict } from '../../machines/policies/recovery.js';
import { evidenceOf } from '../support/evidence.js';

const storm = { held: true, suspectShare: 0.6 } as const;

describe('the decision table', () => {
  test.each<[string, Partial<Evidence>, Verdict]>([
    ['missed pings', { trigger: 'missed_pings', path: 'doubted', missedPings: 3 }, 'restart_now'],
    ['a lost transport', { trigger: 'transport_failure', path: 'none', transport: 'closed' }, 'restart_now'],
    ['poor quality of a sound path', { trigger: 'poor_quality' }, 'restart_now'],
    ['credentials that run out', { trigger: 'turn_expiry' }, 'restart_now'],
    ['the peer that offers, whatever else', { trigger: 'peer_offer', signalling: 'offline', ...storm }, 'restart_now'],
    ['a request, in a storm without a network', { trigger: 'manual', ...storm, route: 'none' }, 'restart_now'],
    ['a request for an absent peer', { trigger: 'manual', signalling: 'offline' }, 'wait_for_peer'],
    ['a peer that sees no more than we do, in a storm', { trigger: 'peer_request', ...storm }, 'wait_for_network'],
    ['the request of a peer', { trigger: 'peer_request' }, 'restart_now'],
    ['silence of an absent peer', { path: 'doubted', signalling: 'offline' }, 'wait_for_peer'],
    ['silence without a way', { path: 'doubted', route: 'none' }, 'wait_for_network'],
    ['silence in a storm', { path: 'doubted', ...storm }, 'wait_for_network'],
    [
      'a tube carried on that nobody follows',
      { trigger: 'service_restart', path: 'none', held: true },
      'wait_for_controller',
    ],
    [
      'such a tube whose peer reports a change',
      { trigger: 'interface_change', source: 'peer', path: 'none', held: true },
      'wait_for_controller',
    ],
    ['such a tube without a way', { trigger: 'service_restart', held: true, route: 'none' }, 'wait_for_network'],
    ['credentials that run out in a storm', { trigger: 'turn_expiry', ...storm }, 'wait_for_network'],
    [
      'an interface that took the way along',
      { trigger: 'interface_change', source: 'host', route: 'moved' },
      'restart_now',
    ],
    [
      'an interface that left no way',
      { trigger: 'interface_change', source: 'host', route: 'none' },
      'wait_for_network',
    ],
    ['an interface on no way', { trigger: 'interface_change', source: 'host', route: 'same' }, 'leave_alone'],
    ['an interface that says nothing', { trigger: 'ip_change', source: 'host', route: 'unknown' }, 'leave_alone'],
    [
      'a network that is back, for a tube in trouble',
      { trigger: 'ip_change', source: 'host', route: 'same', path: 'doubted' },
      'restart_now',
    ],
    ['the network of the peer', { trigger: 'interface_change', source: 'peer' }, 'restart_now'],
    ['the report of a controller', { trigger: 'ip_change', source: 'controller', route: 'same' }, 'restart_now'],
  ])('%s', (_, known, verdict) => {
    expect(judge(evidenceOf(known)).verdict).toBe(verdict);
  });

  test('tells a tube that nobody follows yet from one that a storm holds', () => {
    for (const trigger of ['service_restart', 'interface_change', 'ip_change', 'peer_request'] as const) {
      const held = { trigger, source: 'peer', path: 'none', held: true } as const;
      expect(judge(evidenceOf(held)).why).toMatch(/no controller/);
      expect(judge(evidenceOf({ ...held, ...storm })).why).toMatch(/many tubes/);
    }
  });

  test('says something about every combination, and never that a lost path be left alone', () => {
    for (const trigger of restartTriggers)
      for (const source of ['host', 'peer', 'controller', 'tube'] as const)
        for (const path of ['sound', 'doubted', 'none'] as const)
          for (const signalling of ['relayed', 'online', 'offline'] as const)
            for (const route of ['unknown', 'same', 'moved', 'none'] as const)
              for (const node of [{}, { held: true }, storm]) {
                const known = evidenceOf({ trigger, source, path, signalling, route, ...node });
                const { verdict, why } = judge(known);
                expect(why).not.toBe('');
                if (verdict === 'leave_alone') expect([path, source]).toEqual(['sound', 'host']);
                if (verdict === 'wait_for_peer') expect(signalling).toBe('offline');
                if (verdict === 'wait_for_network') expect(node === storm || route === 'none').toBe(true);
                if (verdict === 'wait_for_controller') expect(known).toMatchObject({ held: true, suspectShare: 0 });
              }
  });
});
