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
  // One file at a time, because many measure time.
  maxWorkers: 1,
  // In bytes, so every file has a process of its own: what one leaves behind in the native library is not there for the next, and a process that
  // never comes to an end can be ended (test/support/watchdog.mjs). Costs 0.2 s for each.
  workerIdleMemoryLimit: 2,
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/test/**/*.test.ts'], testPathIgnorePatterns: heavyPattern },
    { ...base, displayName: 'heavy', testMatch: heavy.map((folder) => `<rootDir>/test/${folder}/**/*.test.ts`) },
  ],
};
