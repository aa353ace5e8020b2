const base = {
  testEnvironment: '<rootDir>/test/support/native-environment.mjs',
  extensionsToTreatAsEsm: ['.ts'],
  // Sources import './x.js' as Node wants it; the file on disk is x.ts.
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
};

/** Suites that open sockets, native connections, browsers or processes; everything else is a unit test. */
const heavy = ['contract', 'integration', 'system', 'browser', 'soak', 'transport'];
const heavyPattern = heavy.map((folder) => `<rootDir>/test/${folder}/`);

export default {
  // One file at a time, because many measure time; in a process of its own, which may be ended (test/support/watchdog.mjs) or grow too large.
  maxWorkers: 1,
  workerIdleMemoryLimit: '1GB',
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/test/**/*.test.ts'], testPathIgnorePatterns: heavyPattern },
    { ...base, displayName: 'heavy', testMatch: heavy.map((folder) => `<rootDir>/test/${folder}/**/*.test.ts`) },
  ],
};
