// The configuration from its sources: precedence, text forms, and one report of everything that is wrong.
import { describe, expect, test } from '@jest/globals';
import { ConfigError, type ConfigProblem } from '../../src/config/config-error.js';
import { loadConfig, publicConfig, type Config } from '../../src/config/load.js';

interface Given {
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

function load({ argv = [], env = {}, files = {} }: Given): Config {
  const readFile = (path: string): string => {
    const content = files[path];
    if (content === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' });
    return content;
  };
  return loadConfig({ argv, env, readFile });
}

function problemsOf(given: Given): readonly ConfigProblem[] {
  try {
    load(given);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

const yaml = (text: string): Given => ({ argv: ['--config', 'h.yaml'], files: { 'h.yaml': text } });

describe('defaults', () => {
  test('are those of the contract', () => {
    const config = load({});
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      profile: 'production',
      controlTokens: [],
      controlJwt: null,
      iceServers: [],
      maxConcurrentSockets: 2000,
      maxConcurrentIceAgents: 1000,
      maxConcurrentCreates: 100,
      maxFrameBytes: 262_144,
      crashRestarts: 5,
      crashWindowMs: 30_000,
    });
    expect(config.tube).toMatchObject({
      connectTimeoutMs: 30_000,
      answerTimeoutMs: 15_000,
      restartBackoffMs: [5000, 10_000, 20_000, 60_000],
      maxRestartAttempts: 10,
      pingIntervalMs: 5000,
      suspectPingIntervalMs: 2000,
      sessionTimeoutMs: 3_600_000,
      sessionWarningMs: 1_140_000,
      channels: [{ label: 'data', class: 'reliable' }],
      maxMessageBytes: 131_072,
    });
  });
});

describe('sources', () => {
  const file = 'port: 1\nanswerTimeoutMs: 1s\nmaxRestartAttempts: 2\nprofile: mobile\n';

  test('the nearer one wins: flag, environment, file, profile, default', () => {
    const config = load({
      argv: ['--port', '3', '--config=h.yaml'],
      env: { HOLDFAST_PORT: '2', HOLDFAST_ANSWER_TIMEOUT_MS: '2s' },
      files: { 'h.yaml': file },
    });
    expect(config.port).toBe(3);
    expect(config.tube).toMatchObject({
      answerTimeoutMs: 2000,
      maxRestartAttempts: 2,
      pingIntervalMs: 3000,
      answerTimeoutAction: 'retry',
    });
  });

  test('HOLDFAST_CONFIG names the file unless a flag does', () => {
    const files = { a: 'port: 1', b: 'port: 2' };
    expect(load({ env: { HOLDFAST_CONFIG: 'a' }, files }).port).toBe(1);
    expect(load({ argv: ['--config', 'b'], env: { HOLDFAST_CONFIG: 'a' }, files }).port).toBe(2);
  });

  test('an empty variable and a variable of the tests are not there', () => {
    expect(load({ env: { HOLDFAST_PORT: '', HOLDFAST_TEST_REQUIRE: 'all', PATH: '/bin' } }).port).toBe(8080);
  });

  test('an explicit value beats the profile, an empty file says nothing', () => {
    expect(load({ argv: ['--profile', 'corporate', '--max-concurrent-ice-agents', '7'] }).maxConcurrentIceAgents).toBe(
      7,
    );
    expect(load({ argv: ['--profile', 'corporate'] }).maxConcurrentIceAgents).toBe(2000);
    expect(load(yaml('# nothing\n')).port).toBe(8080);
  });

  test.each([
    ['corporate', { keepaliveSignalIntervalMs: 240_000, sessionTimeoutMs: 7_200_000, healthCheckIntervalMs: 60_000 }],
    ['mobile', { keepaliveSignalIntervalMs: 180_000, sessionTimeoutMs: 1_800_000, healthCheckIntervalMs: 30_000 }],
    ['low_latency', { healthCheckIntervalMs: 15_000, iceGatherTimeoutMs: 5000, pingIntervalMs: 1000 }],
  ])('profile %s has its numbers', (profile, numbers) => {
    expect(load({ env: { HOLDFAST_PROFILE: profile } }).tube).toMatchObject(numbers);
  });
});

describe('text', () => {
  test.each([
    ['15s', 15_000],
    ['5m', 300_000],
    ['1500', 1500],
    ['1.5s', 1500],
    ['250ms', 250],
  ])('the time %s is %d ms', (text, milliseconds) => {
    expect(load({ argv: ['--answer-timeout-ms', text] }).tube.answerTimeoutMs).toBe(milliseconds);
  });

  test('sizes, switches, lists and maps', () => {
    const config = load({
      argv: ['--max-frame-bytes', '64KiB', '--console', 'off', '--channels', 'data,video:latest'],
      env: { HOLDFAST_RESTART_BACKOFF_MS: '1s, 2s,3000', HOLDFAST_LOG_LEVELS: 'webrtc_ice=debug,service=warn' },
    });
    expect(config.maxFrameBytes).toBe(65_536);
    expect(config.console).toBe(false);
    expect(config.logLevels).toEqual({ webrtc_ice: 'debug', service: 'warn' });
    expect(config.tube.restartBackoffMs).toEqual([1000, 2000, 3000]);
    expect(config.tube.channels).toEqual([
      { label: 'data', class: 'reliable' },
      { label: 'video', class: 'latest' },
    ]);
  });

  test('YAML has plain values and text alike', () => {
    const config = load(
      yaml('console: off\nanswerTimeoutMs: 2000\nconnectTimeoutMs: 3s\nrestartBackoffMs: [1s, 500]\nlogPretty: on\n'),
    );
    expect(config).toMatchObject({ console: false, logPretty: 'on' });
    expect(config.tube).toMatchObject({ answerTimeoutMs: 2000, connectTimeoutMs: 3000, restartBackoffMs: [1000, 500] });
  });

  test('ICE servers are URLs, or objects', () => {
    const turn = '[{"urls":"turn:t.example","username":"u","credential":"c"}]';
    expect(load({ env: { HOLDFAST_ICE_SERVERS: 'stun:a.example, stun:b.example:3478' } }).iceServers).toEqual([
      { urls: ['stun:a.example'] },
      { urls: ['stun:b.example:3478'] },
    ]);
    expect(load({ env: { HOLDFAST_ICE_SERVERS: turn } }).iceServers).toEqual([
      { urls: ['turn:t.example'], username: 'u', credential: 'c' },
    ]);
  });
});

describe('TURN', () => {
  const urls = ['turn:t.example:3478', 'turns:t.example?transport=tcp'];

  test('has servers and a secret, of its own or in a file', () => {
    const argv = ['--turn-urls', urls.join(', ')];
    expect(load({ argv: [...argv, '--turn-secret', 'north'] })).toMatchObject({ turnUrls: urls, turnSecret: 'north' });
    const fromFile = load({ argv, env: { HOLDFAST_TURN_SECRET_FILE: 'f' }, files: { f: 'north\n' } });
    expect(fromFile).toMatchObject({ turnUrls: urls, turnSecret: 'north' });
    expect(fromFile).not.toHaveProperty('turnSecretFile');
    expect(load({})).toMatchObject({ turnUrls: [], turnSecret: null });
  });
});

describe('the secret of peer tokens', () => {
  const secret = 'x'.repeat(32);

  test('comes from the key or from a file', () => {
    expect(load({})).toMatchObject({ peerTokenSecret: null, dataDir: null });
    expect(load({ argv: ['--peer-token-secret', secret] }).peerTokenSecret).toBe(secret);
    const fromFile = load({ env: { HOLDFAST_PEER_TOKEN_SECRET_FILE: 'f' }, files: { f: `${secret}\n` } });
    expect(fromFile.peerTokenSecret).toBe(secret);
    expect(fromFile).not.toHaveProperty('peerTokenSecretFile');
  });

  test.each([
    ['too short', { argv: ['--peer-token-secret', 'short'] }, 'peerTokenSecret'],
    [
      'too short in its file',
      { argv: ['--peer-token-secret-file', 'f'], files: { f: 'short' } },
      'peerTokenSecretFile',
    ],
    ['not there', { argv: ['--peer-token-secret-file', 'g'] }, 'peerTokenSecretFile'],
    [
      'given twice',
      { argv: ['--peer-token-secret', secret, '--peer-token-secret-file', 'f'], files: { f: secret } },
      'peerTokenSecretFile',
    ],
  ])('is refused when it is %s, and never repeated', (_, sources, key) => {
    const problems = problemsOf(sources);
    expect(problems.map((problem) => problem.key)).toEqual([key]);
    expect(JSON.stringify(problems)).not.toMatch(/short|xxx/);
  });
});

describe('tokens', () => {
  test('belong to a tenant, come from list and file, and may end in base64 padding', () => {
    const config = load({
      env: { HOLDFAST_CONTROL_TOKENS: 'first,acme=second,YWJj==', HOLDFAST_CONTROL_TOKENS_FILE: 't' },
      files: { t: '# ours\nacme=third\n\n' },
    });
    expect(config.controlTokens).toEqual([
      { tenant: 'default', token: 'first' },
      { tenant: 'acme', token: 'second' },
      { tenant: 'default', token: 'YWJj==' },
      { tenant: 'acme', token: 'third' },
    ]);
  });

  test('a token cannot belong to two tenants', () => {
    expect(problemsOf({ argv: ['--control-tokens', 'a=secret,b=secret'] })).toEqual([
      expect.objectContaining({ key: 'controlTokens', rule: 'must not contain a token twice', value: '(hidden)' }),
    ]);
  });

  test('without any the service stays on a loopback address', () => {
    expect(problemsOf({ argv: ['--host', '0.0.0.0'] })).toEqual([
      expect.objectContaining({ key: 'host', source: 'flag --host', value: '"0.0.0.0"' }),
    ]);
    expect(load({ argv: ['--host', '0.0.0.0', '--control-tokens', 't'] }).host).toBe('0.0.0.0');
    expect(load({ argv: ['--host', '::1'] }).host).toBe('::1');
  });
});

describe('JWT', () => {
  const jwt = (fields: object): Given => ({
    argv: ['--control-jwt', JSON.stringify({ issuer: 'i', audience: 'a', ...fields })],
    files: { key: 'KEY\n' },
  });

  test('reads its key', () => {
    expect(load(jwt({ secretFile: 'key', algorithms: ['HS256'] })).controlJwt).toEqual({
      key: { secret: 'KEY' },
      tenantClaim: 'tenant',
      algorithms: ['HS256'],
      issuer: 'i',
      audience: 'a',
    });
  });

  test.each([
    ['no key', { algorithms: ['HS256'] }, 'must have exactly one of secretFile, publicKeyFile and jwksUrl'],
    [
      'a public key as HMAC secret',
      { publicKeyFile: 'key', algorithms: ['HS256'] },
      'HS256 does not go with a public key',
    ],
    ['no algorithms', { secretFile: 'key' }, 'algorithms must be a list of algorithms'],
    ['a missing file', { secretFile: 'gone', algorithms: ['HS256'] }, 'secretFile file cannot be read (ENOENT)'],
    [
      'an unknown field',
      { secretFile: 'key', algorithms: ['HS256'], isuer: 'x' },
      'unknown key isuer; did you mean issuer?',
    ],
  ])('refuses %s', (_, fields, rule) => {
    const rules = problemsOf(jwt(fields)).map((problem) => problem.rule);
    expect(rules).toEqual([expect.stringContaining(rule)]);
  });
});

describe('problems', () => {
  test('are all in one report, with key, source, rule and value', () => {
    const problems = problemsOf({
      argv: ['--port', '99999', '--pot', '1', 'stray', '--config', 'h.yaml'],
      env: { HOLDFAST_LOG_LEVEL: 'loud', HOLDFAST_MAX_RESTART_ATEMPTS: '3' },
      files: { 'h.yaml': 'answerTimeoutMs: soon\nanswer_timeout_ms: 3\nlogLevels: { webrtc_ic: debug }\n' },
    });
    expect(problems).toEqual([
      {
        key: 'answer_timeout_ms',
        source: 'file h.yaml',
        rule: 'unknown key; did you mean answerTimeoutMs?',
        value: null,
      },
      {
        key: 'HOLDFAST_MAX_RESTART_ATEMPTS',
        source: 'environment',
        rule: 'unknown variable; did you mean HOLDFAST_MAX_RESTART_ATTEMPTS?',
        value: null,
      },
      { key: '--pot', source: 'command line', rule: 'unknown flag; did you mean --port?', value: null },
      { key: 'argument 5', source: 'command line', rule: 'is not expected', value: null },
      { key: 'port', source: 'flag --port', rule: 'must be a whole number from 0 to 65535', value: '99999' },
      {
        key: 'logLevel',
        source: 'environment HOLDFAST_LOG_LEVEL',
        rule: 'must be one of trace, debug, info, warn, error, silent',
        value: '"loud"',
      },
      {
        key: 'logLevels',
        source: 'file h.yaml',
        rule: 'unknown key webrtc_ic; did you mean webrtc_ice?',
        value: '{"webrtc_ic":"debug"}',
      },
      expect.objectContaining({ key: 'answerTimeoutMs', source: 'file h.yaml', value: '"soon"' }),
    ]);
  });

  test('read as one line each', () => {
    expect(() => load({ argv: ['--port', '-1'] })).toThrow(
      /1 problem\(s\) in the configuration:\n {2}port \(flag --port\): must be a whole number from 0 to 65535, but is "-1"/,
    );
  });

  test('never show secrets, not even misspelt or unparsable ones', () => {
    const secret = 's3cr3t-value';
    const reports = [
      { argv: ['--control-tokens', `two words ${secret}`] },
      { argv: [`--control-token=${secret}`] },
      { argv: ['--control-token', secret] },
      { argv: ['--control-tokens', 'fine', secret] },
      { env: { HOLDFAST_CONTROL_TOKEN: secret } },
      { env: { HOLDFAST_ICE_SERVERS: `[{"urls":"http:x","credential":"${secret}"}]` } },
      { env: { HOLDFAST_ICE_SERVERS: `[{"urls":"turn:x","credential":"${secret}"}]` } },
      { argv: ['--turn-secret', secret] },
      { argv: ['--turn-secret', `${secret}\n`, '--turn-urls', 'turn:x'] },
      { argv: ['--turn-secret', secret, '--turn-urls', 'turn:x', '--turn-secret-file', 't'], files: { t: secret } },
      { argv: ['--control-tokens-file', 't'], files: { t: `two words ${secret}` } },
      yaml(`controlTokens: [*${secret}]`),
      yaml(`controlTokens: ["${secret}`),
      yaml(`controlToken: ${secret}`),
      yaml(`controlTokens: { ${secret}: 1 }`),
    ];
    for (const given of reports) expect(JSON.stringify(problemsOf(given))).not.toContain(secret);
  });

  test.each([
    ['a flag without a value', { argv: ['--port'] }, 'needs a value'],
    ['a flag that swallowed the next', { argv: ['--host', '--port', '1'] }, 'needs a value'],
    ['a flag given twice', { argv: ['--port', '1', '--port', '2'] }, 'is given twice'],
    ['a file that is not there', { argv: ['--config', 'x'] }, 'file cannot be read (ENOENT)'],
    ['YAML with a key twice', yaml('port: 1\nport: 2\n'), 'is not valid YAML: DUPLICATE_KEY at line 2, column 1'],
    ['YAML that is a list', yaml('- port\n'), 'must be a map of keys'],
    ['a key without value', yaml('port:\n'), 'must be a whole number from 0 to 65535'],
    ['half a port range', { argv: ['--udp-port-begin', '5000'] }, 'must be set together with udpPortEnd'],
    ['TURN without credentials', { argv: ['--ice-servers', 'turn:x'] }, 'a TURN server needs username and credential'],
    ['no ICE server at all', { argv: ['--ice-servers', 'http://x'] }, 'must be like stun:host:port'],
    [
      'a STUN server with a transport',
      { argv: ['--ice-servers', 'stun:x?transport=tcp'] },
      'must be like stun:host:port',
    ],
    [
      'STUN among TURN servers',
      { argv: ['--turn-urls', 'stun:x', '--turn-secret', 's'] },
      'must be at most 16 URLs like turn:',
    ],
    ['TURN servers without a secret', { argv: ['--turn-urls', 'turn:x'] }, 'must be set together with turnSecret or'],
    ['a TURN secret without servers', { argv: ['--turn-secret', 's'] }, 'must be set together with turnUrls'],
    [
      'a TURN secret that is not there',
      yaml('turnUrls: ["turn:x"]\nturnSecret:\n'),
      'must be set together with turnSecret or',
    ],
    [
      'a file with a TURN secret that cannot be read',
      { argv: ['--turn-urls', 'turn:x', '--turn-secret-file', 'f'] },
      'file cannot be read (ENOENT)',
    ],
    [
      'two TURN secrets',
      { argv: ['--turn-urls', 'turn:x', '--turn-secret', 's', '--turn-secret-file', 'f'], files: { f: 's' } },
      'must not be set together with turnSecret',
    ],
    ['a bind address that is a name', { argv: ['--bind-address', 'eth0'] }, 'must be an IP address'],
    ['a reserved channel', { argv: ['--channels', 'control'] }, 'must not be control'],
    ['a channel twice', { argv: ['--channels', 'a,a'] }, 'at most 16 channels with different labels'],
    ['no waits', { argv: ['--restart-backoff-ms', '[]'] }, 'must be 1 to 20 times'],
    ['a duration out of range', { argv: ['--answer-timeout-ms', '1h'] }, 'must be a time from 10ms to 5m'],
    ['a unit that is not one', { argv: ['--answer-timeout-ms', '5 parsecs'] }, 'must be a time from 10ms to 5m'],
    ['a unit named like a property', { argv: ['--answer-timeout-ms', '5constructor'] }, 'must be a time'],
  ])('refuse %s', (_, given: Given, rule) => {
    expect(problemsOf(given).map((problem) => problem.rule)).toEqual([expect.stringContaining(rule)]);
  });

  test('numbers that contradict each other are refused only when both were set', () => {
    const both = problemsOf({ argv: ['--missed-pings-to-degrade', '5', '--missed-pings-to-restart', '4'] });
    expect(both).toEqual([
      expect.objectContaining({ key: 'missedPingsToDegrade', rule: 'must not be above missedPingsToRestart (4)' }),
    ]);
    expect(load({ argv: ['--missed-pings-to-degrade', '5'] }).tube.missedPingsToRestart).toBe(5);
    expect(load({ argv: ['--missed-pings-to-restart', '1'] }).tube.missedPingsToDegrade).toBe(1);
    expect(load({ argv: ['--profile', 'low_latency'] }).tube.suspectPingIntervalMs).toBe(1000);
    expect(load({ argv: ['--session-timeout-ms', '60s'] }).tube.sessionWarningMs).toBe(19_000);
  });
});

describe('publicConfig', () => {
  test('has everything but the secrets', () => {
    const config = load({
      argv: ['--control-tokens', 'acme=s3cr3t', '--control-jwt'].concat(
        JSON.stringify({ secretFile: 'k', algorithms: ['HS256'], issuer: 'i', audience: 'a' }),
      ),
      env: { HOLDFAST_ICE_SERVERS: '[{"urls":"turn:t","username":"u","credential":"s3cr3t"}]' },
      files: { k: 's3cr3t' },
    });
    const shown = publicConfig({ ...config, turnUrls: ['turn:t'], turnSecret: 's3cr3t' });
    expect(JSON.stringify(shown)).not.toContain('s3cr3t');
    expect(shown).toMatchObject({
      port: 8080,
      controlTokens: [{ tenant: 'acme' }],
      iceServers: [{ urls: ['turn:t'] }],
    });
  });
});
