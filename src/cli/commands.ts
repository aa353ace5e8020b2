/**
 * The table of commands: their words, and where to find what they do. Plain data, so that help costs nothing; `run` imports the command when it is used.
 * Order: that of the help. A command is one entry here and `src/cli/<name>.ts` with `run(call)`.
 */
import { jsonOption, type Command } from './command.js';
import { filterOptions, serviceOptions } from './common-options.js';

const serve: Command = {
  name: 'serve',
  summary: 'run the service; also what `holdfast` alone does',
  usage: '[--config FILE] [--KEY VALUE]...',
  about:
    'Runs the service until SIGTERM or SIGINT. Without any control token it makes one for the run, listens on loopback only, and prints a link to the console. ' +
    'SIGHUP reads the configuration again.',
  options: { version: { about: 'Prints the version.' } },
  takesConfig: true,
  more: async () => (await import('../config/docs.js')).helpText(),
  examples: [
    { line: 'holdfast serve', about: 'on http://127.0.0.1:8080, with a token for this run' },
    { line: 'holdfast serve --config holdfast.yaml --port 9000', about: 'a flag goes over the file' },
    { line: 'HOLDFAST_CONTROL_TOKENS_FILE=tokens holdfast serve --host 0.0.0.0', about: 'for other machines' },
  ],
  run: async (call) => (await import('./serve.js')).run(call),
};

const tubesLs: Command = {
  name: 'tubes ls',
  summary: 'list the tubes of a running service',
  usage: '[--state STATE] [--conversation ID] [--closed]',
  about:
    "Lists the tubes of the token's tenant, oldest first: state and since when, generation, age, time since the last activity, what is wrong, and what comes next. " +
    'With --json an array: of each tube what list_tubes tells, and in row what watch tells (since_ms, reason, incident, next and measurements; null from a service that is older). ' +
    'With --closed --json: of each what list_closed tells.',
  options: {
    ...filterOptions,
    closed: { about: 'Lists those that ended lately in their place, the newest first, and why.' },
    ...jsonOption,
    ...serviceOptions,
  },
  examples: [
    { line: 'holdfast tubes ls', about: 'all tubes' },
    { line: 'holdfast tubes ls --state degraded', about: 'those in trouble' },
    { line: 'holdfast tubes ls --closed', about: 'those that ended, and why' },
    { line: `holdfast tubes ls --json | jq -r '.[].tube_id'`, about: 'their ids' },
  ],
  run: async (call) => (await import('./tubes-ls.js')).ls(call),
};

const tubesWatch: Command = {
  name: 'tubes watch',
  summary: 'follow the tubes of a running service',
  usage: '[--state STATE] [--conversation ID]',
  about:
    'Shows the tubes as they are and keeps them up to date until Ctrl-C. On a terminal it is a table, troubled tubes first, with what each does next; in a pipe a line for each change of state, generation or plan, ' +
    'beginning with the tubes that are not connected; with --json a line for every row and every change of one. A lost connection comes back by itself.',
  options: { ...filterOptions, ...jsonOption, ...serviceOptions },
  examples: [
    { line: 'holdfast tubes watch', about: 'all tubes, live' },
    {
      line: 'holdfast tubes watch --conversation room-7 | tee changes.log',
      about: 'changes of one conversation, as lines',
    },
    { line: `holdfast tubes watch --json | jq 'select(.tube.state == "failed")'`, about: 'for programs' },
  ],
  run: async (call) => (await import('./tubes-watch.js')).watch(call),
};

const tubesShow: Command = {
  name: 'tubes show',
  summary: 'show all that is known of one tube',
  usage: 'ID [--all]',
  about:
    'Shows the state of a tube and since when, what it does next, its path with measurements, its generations and channels, and its incidents: trigger, what was known at the first decision, ' +
    'and how long each phase took. A tube that was closed lately still has its incidents. ID is the id, or the first four or more characters of it.',
  options: {
    all: { about: 'Shows all incidents that are kept, not the last three only.' },
    ...jsonOption,
    ...serviceOptions,
  },
  args: { min: 1, max: 1 },
  examples: [
    { line: 'holdfast tubes show 2dc34487', about: 'why did it drop, and what did it cost?' },
    { line: 'holdfast tubes show 2dc34487 --json | jq .incidents', about: 'for programs' },
  ],
  run: async (call) => (await import('./tubes-show.js')).show(call),
};

const tubesRestart: Command = {
  name: 'tubes restart',
  summary: 'restart the connection of tubes (ICE restart)',
  usage: 'ID... [--fresh] [--wait]',
  about:
    'Asks for a new generation of each tube. The old path carries the data until the new one works. The offer goes to the peer as in any restart: over its own socket, or by the controller that relays for it.',
  options: {
    fresh: {
      about:
        'The peer answers with a new RTCPeerConnection: the way out for a plain page whose own one is beyond repair.',
    },
    wait: { about: 'Waits until data takes the new generation, two minutes at most.' },
    ...jsonOption,
    ...serviceOptions,
  },
  args: { min: 1, max: Number.POSITIVE_INFINITY },
  examples: [
    { line: 'holdfast tubes restart 2dc34487 --wait', about: 'one tube; ends when it is over' },
    {
      line: `holdfast tubes ls --state failed --json | jq -r '.[].tube_id' | xargs -r holdfast tubes restart`,
      about: 'all that were given up',
    },
  ],
  run: async (call) => (await import('./tubes-restart.js')).restart(call),
};

const tubesClose: Command = {
  name: 'tubes close',
  summary: 'close tubes for good',
  usage: 'ID... [--reason TEXT] [--yes]',
  about:
    'Closes each tube: its connection ends, its peer and its controllers are told. Asks before it does. A tube that was closed already is no error.',
  options: {
    reason: { value: 'TEXT', about: 'Is written to the log of the service.' },
    yes: { about: 'Does not ask. Needed where nobody can be asked.' },
    ...jsonOption,
    ...serviceOptions,
  },
  args: { min: 1, max: Number.POSITIVE_INFINITY },
  examples: [{ line: 'holdfast tubes close 2dc34487 --reason "device was sold"', about: 'asks, then closes it' }],
  run: async (call) => (await import('./tubes.js')).close(call),
};

const doctor: Command = {
  name: 'doctor',
  summary: 'look whether a service can run here, before it does',
  usage: '[--config FILE] [--KEY VALUE]...',
  about:
    'Looks at what a service with this configuration needs: Node, file descriptors, memory, UDP buffers, the clock, how network changes are noticed, its port, UDP sockets, addresses, the folder of its records, ' +
    'and whether the STUN servers answer, the TURN servers allocate with the configured credentials, and the keys of JWTs can be fetched. Changes nothing, and may run beside a service. ' +
    'Exit code 0 when nothing fails (warnings are no failures), 69 when something does, 78 when the configuration is wrong.',
  options: { ...jsonOption },
  takesConfig: true,
  examples: [
    { line: 'holdfast doctor --config holdfast.yaml', about: 'before the first start' },
    {
      line: 'holdfast doctor --ice-servers stun:stun.example:3478',
      about: 'does that server answer us, and which NAT is in between?',
    },
    { line: `holdfast doctor --json | jq '.findings[] | select(.status != "ok")'`, about: 'for programs' },
  ],
  run: async (call) => (await import('./doctor.js')).run(call),
};

const tokenCreate: Command = {
  name: 'token create',
  summary: 'make a control token, or a JWT',
  usage: '[--tenant NAME] [--append FILE] | --jwt [--key FILE] [--expires TIME] [--config FILE]',
  about:
    'Prints a random control token, and on standard error how to configure it. With --jwt it is a signed JWT with the claims that controlJwt wants; key, algorithm, issuer and audience come from ' +
    'the options, else from the configuration.',
  options: {
    tenant: {
      value: 'NAME',
      about: 'Whose token it is; default: default. Tubes of other tenants do not exist for it.',
    },
    append: {
      value: 'FILE',
      about: 'Adds the token to a file for --control-tokens-file; made with mode 0600 where there is none.',
    },
    jwt: { about: 'Makes a JWT.' },
    key: {
      value: 'FILE',
      about: 'What it is signed with: a private key (PEM), or a secret. Default: the secretFile of controlJwt.',
    },
    algorithm: {
      value: 'NAME',
      about: 'Default: one of the configuration that fits the key, else the usual one of its kind.',
    },
    issuer: { value: 'TEXT', about: 'Claim iss; default: that of controlJwt.' },
    audience: { value: 'TEXT', about: 'Claim aud; default: that of controlJwt.' },
    subject: { value: 'TEXT', about: 'Claim sub: who uses it.' },
    expires: { value: 'TIME', about: 'How long it is good: 15m, 30d; default 1h.' },
    ...jsonOption,
  },
  takesConfig: true,
  examples: [
    {
      line: 'holdfast token create --tenant team-a --append tokens',
      about: 'a new tenant of a service with --control-tokens-file tokens',
    },
    {
      line: 'export HOLDFAST_CONTROL_TOKENS=$(holdfast token create)',
      about: 'only the token goes to standard output',
    },
    {
      line: 'holdfast token create --jwt --key jwt.pem --issuer https://login.example --audience holdfast',
      about: 'a JWT for an hour',
    },
  ],
  run: async (call) => (await import('./token-create.js')).create(call),
};

const tokenCheck: Command = {
  name: 'token check',
  summary: 'say whether a control token is accepted, and why not',
  usage: '[--token-file FILE] [--url URL | --config FILE]',
  about:
    'Checks a control token or JWT against a configuration, or with --url against a running service; says whose it is and until when it is good, or why it is not accepted. Exit code 0 when it is valid, 1 when it is not.',
  options: {
    token: serviceOptions['token'],
    'token-file': serviceOptions['token-file'],
    url: { value: 'URL', about: 'Asks the service there, in place of the configuration.' },
    ...jsonOption,
  },
  takesConfig: true,
  examples: [
    {
      line: 'holdfast token check --token-file - --config holdfast.yaml < token',
      about: 'would this configuration accept it?',
    },
    { line: 'HOLDFAST_TOKEN=… holdfast token check --url http://127.0.0.1:8080', about: 'does that service?' },
  ],
  run: async (call) => (await import('./token-check.js')).check(call),
};

const configDefault: Command = {
  name: 'config default',
  summary: 'print a commented configuration file',
  usage: '',
  about:
    'Prints a YAML file with every key, its meaning and its default, all of it commented out. With --json: the defaults.',
  options: { ...jsonOption },
  examples: [{ line: 'holdfast config default > holdfast.yaml', about: 'to begin with' }],
  run: async (call) => (await import('./config.js')).printDefault(call),
};

const configCheck: Command = {
  name: 'config check',
  summary: 'report all that is wrong with a configuration',
  usage: '[FILE] [--KEY VALUE]...',
  about:
    'Reads the configuration as serve would (FILE is --config FILE) and reports everything that is wrong with it at once, with the names that were probably meant; secrets are not shown. ' +
    'When it is right it prints which keys are set, and from where; with --json all that results. Exit code 78 when something is wrong.',
  options: { ...jsonOption },
  takesConfig: true,
  examples: [
    { line: 'holdfast config check holdfast.yaml', about: 'before a restart, or a SIGHUP' },
    { line: 'holdfast config check --profile mobile --json | jq .config.tube', about: 'what a profile comes to' },
  ],
  run: async (call) => (await import('./config.js')).check(call),
};

const configDocs: Command = {
  name: 'config docs',
  summary: 'print the table of configuration keys',
  usage: '',
  about:
    'Prints what docs/configuration.md holds: every key with variable, default and meaning, profiles and recovery policies, as Markdown. With --json: the keys as a list.',
  options: { ...jsonOption },
  examples: [{ line: 'holdfast config docs | less', about: 'to read' }],
  run: async (call) => (await import('./config.js')).docs(call),
};

const machinesExport: Command = {
  name: 'machines export',
  summary: 'write the statecharts for the Stately editor and other tools',
  usage: '[NAME]... [--out DIR] [--format ts|json]',
  about:
    'Writes each statechart (tube, restart, keepalive, health) as one self-contained file: TypeScript whose actions, guards and actors are stubs, which the Stately editor opens, or the bare ' +
    'configuration as JSON. One chart without --out goes to standard output.',
  options: {
    out: { value: 'DIR', about: 'Folder for the files; made when it is not there.' },
    format: { value: 'FORMAT', about: 'ts (default) or json.' },
    ...jsonOption,
  },
  args: { min: 0, max: Number.POSITIVE_INFINITY },
  examples: [
    { line: 'holdfast machines export --out charts', about: 'all of them; paste one into https://stately.ai/editor' },
    { line: 'holdfast machines export restart --format json', about: 'one, to look at' },
  ],
  run: async (call) => (await import('./machines.js')).exportCharts(call),
};

const replay: Command = {
  name: 'replay',
  summary: 'play what happened to a tube again',
  usage: '[FILE] [--tube ID] [--svg FILE]',
  about:
    'Feeds a flight file (the answer of export_history) to the same machines with a simulated clock, and prints the path that they take with the reason of each step, a time line, the incidents, and whether they do what they did then. ' +
    'With --tube it takes the flight of a tube of a running service instead, also of one that closed lately. Ends with 1 when the replay and the record differ.',
  options: {
    tube: { value: 'ID', about: 'A tube of a running service: its id, or the first four or more characters of it.' },
    save: { value: 'FILE', about: 'Where to keep the flight file of that tube.' },
    svg: { value: 'FILE', about: 'Draws the replay as a time line, in SVG.' },
    ...jsonOption,
    ...serviceOptions,
  },
  args: { min: 0, max: 1 },
  examples: [
    { line: 'holdfast replay incident.json', about: 'the path, and whether it is the same' },
    { line: 'holdfast replay incident.json --svg incident.svg', about: 'and a picture of it' },
    { line: 'holdfast replay --tube 2dc34487 --save incident.json', about: 'from a running service, kept for a test' },
    { line: 'holdfast replay incident.json --json | jq .divergences', about: 'for programs' },
  ],
  run: async (call) => (await import('./replay.js')).run(call),
};

export const commands: readonly Command[] = [
  serve,
  tubesLs,
  tubesWatch,
  tubesShow,
  tubesRestart,
  tubesClose,
  doctor,
  tokenCreate,
  tokenCheck,
  configDefault,
  configCheck,
  configDocs,
  machinesExport,
  replay,
];
