// What the preflight makes of what it finds. Pure; the checks with real sockets and servers are in test/system/cli-doctor.test.ts.
import { describe, expect, test } from '@jest/globals';
import { addressFinding } from '../../src/cli/doctor/network.js';
import { mappingFinding } from '../../src/cli/doctor/servers.js';
import { readAnswer } from '../../src/cli/doctor/stun.js';
import {
  bufferFinding,
  clockFindings,
  descriptorFinding,
  memoryFinding,
  nodeFinding,
} from '../../src/cli/doctor/system.js';
import { loadConfig } from '../../src/config/load.js';

const config = (...argv: string[]) => loadConfig({ argv, env: {}, readFile: () => '' });

test.each([
  ['v18.19.0', 'fail'],
  ['v20.11.0', 'ok'],
  ['v26.0.0', 'ok'],
])('Node %s: %s', (version, status) => {
  expect(nodeFinding(version).status).toBe(status);
});

const limits = (files: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax cpu time              unlimited            unlimited            seconds\nMax open files            ${files}               524288               files\n`;

test.each([
  ['1024', 'fail', 'for the generations alone'],
  ['2000', 'warn', 'for the generations, not for the tunnels'],
  ['4096', 'ok', 'for all'],
  ['unlimited', 'ok', 'for all'],
])('%s file descriptors: %s (%s)', (files, status) => {
  expect(descriptorFinding(limits(files), config())).toMatchObject({ status });
});

test('file descriptors are compared with what is configured', () => {
  expect(
    descriptorFinding(limits('1024'), config('--max-concurrent-ice-agents', '100', '--max-concurrent-sockets', '0'))
      .status,
  ).toBe('ok');
  expect(descriptorFinding('nothing of it', config()).status).toBe('skip');
});

test.each([
  [64 * 1024 ** 2, 'warn'],
  [8 * 1024 ** 3, 'ok'],
])('%i bytes of memory: %s', (bytes, status) => {
  expect(memoryFinding(bytes, config()).status).toBe(status);
});

test('UDP buffers below those of any Linux are too small', () => {
  expect(bufferFinding(212_992, 212_992).status).toBe('ok');
  expect(bufferFinding(212_992, 65_536)).toMatchObject({
    status: 'warn',
    advice: expect.stringContaining('net.core.wmem_max=1048576'),
  });
});

describe('the clock', () => {
  const now = Date.UTC(2027, 1, 1);
  test.each([
    ['is right', now, 3, true, ['ok']],
    ['may be right', now, 3, null, ['ok']],
    ['is not synchronized', now, 3, false, ['warn']],
    ['was set', now, 5000, true, ['warn']],
    ['was set back', now, -5000, null, ['warn']],
    ['begins with the epoch', 86_400_000, 0, false, ['fail', 'warn']],
  ])('%s', (_, nowMs, driftMs, synchronized, statuses) => {
    expect(clockFindings(nowMs, driftMs, synchronized).map(({ status }) => status)).toEqual(statuses);
  });
});

describe('addresses', () => {
  test.each([
    [[], [], 'warn'],
    [['10.1.2.3', 'fe80::1'], [], 'warn'],
    [['192.168.1.2', 'fd00::1', '100.64.3.2'], [], 'warn'],
    [['192.168.1.2'], ['--ice-servers', 'stun:s.example'], 'ok'],
    [['10.1.2.3', '198.51.100.7'], [], 'ok'],
    [['10.1.2.3', '2001:db8::7'], [], 'ok'],
    [['198.51.100.7'], ['--bind-address', '10.0.0.1'], 'warn'],
  ])('%j with %j: %s', (addresses, flags, status) => {
    expect(addressFinding(addresses, config(...flags)).status).toBe(status);
  });
});

describe('an answer to a Binding request', () => {
  const id = Buffer.from('b7e7a701bc34d686fa87dfae', 'hex');
  // RFC 5769 §2.2 and §2.3, without the attributes that follow the address.
  const answer = (attribute: string): Buffer => {
    const body = Buffer.from(attribute, 'hex');
    const head = Buffer.from('010100002112a442b7e7a701bc34d686fa87dfae', 'hex');
    head.writeUInt16BE(body.length, 2);
    return Buffer.concat([head, body]);
  };
  const software = '8022000b7465737420766563746f7220';
  const ipv4 = `${software}002000080001a147e112a643`;
  const ipv6 = `${software}002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9`;

  test('has the address that the server saw (test vectors of RFC 5769)', () => {
    expect(readAnswer(answer(ipv4), id)).toEqual({ address: '192.0.2.1', port: 32853 });
    expect(readAnswer(answer(ipv6), id)).toEqual({ address: '2001:db8:1234:5678:11:2233:4455:6677', port: 32853 });
  });

  test('of an old server has it as it is', () => {
    expect(readAnswer(answer('0001000800018055c0000201'), id)).toEqual({ address: '192.0.2.1', port: 32853 });
  });

  test('is nothing when it is for another request, cut, or no STUN at all', () => {
    expect(readAnswer(answer(ipv4), Buffer.alloc(12))).toBeNull();
    for (let length = 0; length < answer(ipv4).length; length += 1)
      expect(readAnswer(answer(ipv4).subarray(0, length), id)).toBeNull();
    expect(readAnswer(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), id)).toBeNull();
    expect(readAnswer(answer('0020000800030000e112a643'), id)).toBeNull();
  });
});

describe('a NAT', () => {
  const seen = (...ports: number[]) => ports.map((port) => ({ address: '198.51.100.7', port }));
  test('that maps by destination makes STUN worthless', () => {
    expect(mappingFinding(seen(1, 2), false)?.status).toBe('warn');
    expect(mappingFinding(seen(1, 2), true)?.status).toBe('ok');
  });
  test('is no trouble when all servers see the same, or there is one only', () => {
    expect(mappingFinding(seen(1, 1), false)).toBeNull();
    expect(mappingFinding(seen(1), false)).toBeNull();
    expect(mappingFinding([...seen(1), { address: '2001:db8::7', port: 9 }], false)).toBeNull();
    expect(mappingFinding([], false)).toBeNull();
  });
});
