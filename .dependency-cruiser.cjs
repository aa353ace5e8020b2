// The import walls: which folder may import what. Everything is composed in src/app.ts.
// The walls are for the product; tests and benchmarks may use any library directly.

const product = '^(machines|src)/';

/** One library, the folders that may import it. */
function only(name, library, folders) {
  return {
    name,
    comment: `${library} is imported in ${folders.join(', ')} only`,
    severity: 'error',
    from: { path: product, pathNot: folders.map((folder) => `^${folder}`) },
    to: { path: `(^|/)node_modules/${library}/` },
  };
}

/** Folders that know nothing of each other: the consumer declares the interface it needs, src/app.ts supplies it. */
const strangers = ['gateway', 'transport', 'tunnel', 'cluster', 'observability'];
const strangerWalls = strangers.map((folder) => ({
  name: `${folder}-stands-alone`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: `^src/(${strangers.filter((other) => other !== folder).join('|')})/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'machines-are-pure',
      comment: 'machines import xstate and machines only',
      severity: 'error',
      from: { path: '^machines/' },
      to: { pathNot: ['^machines/', '(^|/)node_modules/xstate/'] },
    },
    {
      name: 'channels-are-shared',
      comment: 'channels run in browsers and in Node: themselves, pure policies, and types of machines',
      severity: 'error',
      from: { path: '^src/channels/' },
      to: { pathNot: ['^src/channels/', '^machines/'] },
    },
    {
      name: 'browser-code-takes-types-of-machines',
      comment: 'of machines, only policies are run in a browser; the rest is there for its types',
      severity: 'error',
      from: { path: '^src/(peer|channels)/' },
      to: { path: '^machines/', pathNot: '^machines/policies/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'peer-library-is-small',
      comment: 'what a browser downloads: the peer library, channels, pure policies, socket.io-client',
      severity: 'error',
      from: { path: '^src/peer/', pathNot: '^src/peer/node(-network)?\\.ts$' },
      to: { pathNot: ['^src/(peer|channels)/', '^machines/', '(^|/)node_modules/socket\\.io-client/'] },
    },
    {
      name: 'operator-is-shared',
      comment: 'what operators are shown is for browsers and Node: themselves and machines',
      severity: 'error',
      from: { path: '^src/operator/' },
      to: { pathNot: ['^src/operator/', '^machines/'] },
    },
    {
      name: 'charts-read-machines',
      comment: 'charts are read off the machines and drawn for operators; they know nothing of what runs',
      severity: 'error',
      from: { path: '^src/charts/' },
      to: { path: '^src/', pathNot: ['^src/(charts|operator)/'] },
    },
    {
      name: 'console-is-a-client',
      comment:
        'the console knows of the service what any client knows: the peer library, the connection port, the wire',
      severity: 'error',
      from: { path: '^src/console/' },
      to: {
        pathNot: [
          '^src/(console|peer|channels|operator)/',
          '(^|/)node_modules/(socket\\.io-client|preact|@preact/signals)/',
        ],
      },
    },
    {
      name: 'browser-never-loads-node',
      comment: 'only Node programs import peer/node.ts, and only that peer/node-network.ts',
      severity: 'error',
      from: { path: '^src/(peer|channels|console)/', pathNot: '^src/peer/node\\.ts$' },
      to: { path: '^src/peer/node(-network)?\\.ts$' },
    },
    {
      name: 'peer-in-node',
      comment:
        'peer/node.ts puts the peer library on top of the native connection and the network watcher, and uses nothing else of the service',
      severity: 'error',
      from: { path: '^src/peer/node(-network)?\\.ts$' },
      to: {
        path: '^(src|machines)/',
        pathNot: ['^src/(peer|channels|network)/', '^machines/', '^src/transport/native-[^/]+\\.ts$'],
      },
    },
    {
      name: 'network-stands-alone',
      comment: 'the network watcher is used by the service and by peers in Node, and knows neither',
      severity: 'error',
      from: { path: '^src/network/' },
      to: { path: '^(src|machines)/', pathNot: ['^src/network/'] },
    },
    {
      name: 'app-composes',
      comment: 'only process entries build an application',
      severity: 'error',
      from: { path: product, pathNot: ['^src/main\\.ts$', '^src/(demo|cli)/'] },
      to: { path: '^src/(app|main)\\.ts$' },
    },
    ...strangerWalls,

    only('webrtc-in-transport', 'node-datachannel', ['src/transport/']),
    only('socket-io-in-gateway', 'socket\\.io', ['src/gateway/']),
    only('socket-io-client-in-clients', 'socket\\.io-client', ['src/peer/', 'src/console/', 'src/demo/', 'src/cli/']),
    only('http-in-one-room', '(hono|@hono/[^/]+)', ['src/gateway/http', 'src/http/']),
    only('embedded-store-in-store', 'classic-level', ['src/store/']),
    only('redis-behind-ports', '@redis/[^/]+', ['src/cluster/', 'src/store/']),
    only('metrics-logs-and-inspection-in-observability', '(prom-client|pino|@statelyai/inspect)', [
      'src/observability/',
    ]),

    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'a file that nobody imports and that imports nothing',
      severity: 'error',
      from: { orphan: true, pathNot: ['\\.d\\.ts$', '\\.test\\.ts$', '(^|/)tsconfig\\.json$'] },
      to: {},
    },
    {
      name: 'no-barrels',
      comment: 'import the file that has the thing',
      severity: 'error',
      from: {},
      to: { path: '(^|/)index\\.ts$', pathNot: 'node_modules' },
    },
    {
      name: 'product-needs-no-tests',
      severity: 'error',
      from: { path: product },
      to: { path: '^(test|bench|scripts)/' },
    },
    {
      name: 'product-needs-no-dev-dependency',
      severity: 'error',
      comment: 'what the console needs is in its bundle',
      from: { path: product, pathNot: '^src/console/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.d.ts'],
    },
  },
};
