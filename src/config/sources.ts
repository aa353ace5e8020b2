/**
 * Reads flags, environment and file into one map of key → value and where it came from, the nearer source winning. Finds unknown names;
 * whether a value fits its key is load.ts's business. Names are reported, values of unknown names never: they may be misspelt secrets.
 */
import { parseArgs } from 'node:util';
import { isMap, LineCounter, parseDocument } from 'yaml';
import { showValue, type ConfigProblem } from './config-error.js';
import { environmentNameOf, environmentPrefix, flagOf, hintOf } from './names.js';
import { decode } from './quantities.js';
import { configKeys, metaOf } from './schema.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Entry {
  readonly value: unknown;
  readonly source: string;
}

export interface Sources {
  readonly argv: readonly string[];
  readonly env: Environment;
  /** Content of a file; throws when it cannot be read. */
  readonly readFile: (path: string) => string;
}

export interface Gathered {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly problems: readonly ConfigProblem[];
}

interface Layer {
  readonly entries: Map<string, Entry>;
  readonly problems: ConfigProblem[];
  /** Path of the configuration file, where this source names one. */
  readonly file: Entry | null;
}

const testPrefix = `${environmentPrefix}TEST_`;
/** Those of clients of a service (environment.ts); a shell may have them for both. */
const clientVariables = ['URL', 'TOKEN', 'TOKEN_FILE'].map((name) => environmentPrefix + name);
const fileVariable = `${environmentPrefix}CONFIG`;
const fileFlag = '--config';
/** Flags that the command line answers by itself. */
const commandFlags = ['help', 'version'];

const problem = (key: string, source: string, rule: string, value: string | null = null): ConfigProblem => ({
  key,
  source,
  rule,
  value,
});

const keyOfFlag = new Map(configKeys.map((key) => [flagOf(key).slice(2), key]));
const keyOfVariable = new Map(configKeys.map((key) => [environmentNameOf(key), key]));
const knownFlags = [fileFlag, ...commandFlags.map(flagOf), ...configKeys.map(flagOf)];
const knownVariables = [fileVariable, ...keyOfVariable.keys()];

function entryOf(key: string, value: unknown, source: string): Entry {
  const meta = metaOf(key);
  return { value: meta === null ? value : decode(meta.kind, value), source };
}

function tokensOf(argv: readonly string[]) {
  const options: Record<string, { type: 'string' | 'boolean' }> = {};
  for (const name of ['config', ...keyOfFlag.keys()]) options[name] = { type: 'string' };
  for (const name of commandFlags) options[name] = { type: 'boolean' };
  return parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

function readFlags(argv: readonly string[]): Layer {
  const entries = new Map<string, Entry>();
  const problems: ConfigProblem[] = [];
  let file: Entry | null = null;
  let afterMistake = false;
  for (const token of tokensOf(argv)) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      // After a flag that was not understood this is most likely its value.
      if (!afterMistake) problems.push(problem(`argument ${token.index + 1}`, 'command line', 'is not expected'));
      afterMistake = false;
      continue;
    }
    const key = token.name === 'config' ? 'config' : keyOfFlag.get(token.name);
    afterMistake = key === undefined && !commandFlags.includes(token.name);
    const source = `flag ${token.rawName}`;
    if (afterMistake)
      problems.push(problem(token.rawName, 'command line', `unknown flag${hintOf(token.name, knownFlags)}`));
    if (key === undefined) continue;
    const value = token.value ?? '';
    if (value === '' || (token.inlineValue === false && value.startsWith('--'))) {
      problems.push(problem(key, source, 'needs a value'));
      afterMistake = value !== '';
    } else if (entries.has(key) || (key === 'config' && file !== null)) {
      problems.push(problem(key, source, 'is given twice'));
    } else if (key === 'config') {
      file = { value, source };
    } else {
      entries.set(key, entryOf(key, value, source));
    }
  }
  return { entries, problems, file };
}

function readEnvironment(env: Environment): Layer {
  const entries = new Map<string, Entry>();
  const problems: ConfigProblem[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(environmentPrefix) || name.startsWith(testPrefix) || name === fileVariable) continue;
    if (clientVariables.includes(name)) continue;
    const key = keyOfVariable.get(name);
    if (key === undefined) {
      problems.push(problem(name, 'environment', `unknown variable${hintOf(name, knownVariables)}`));
    } else if (value !== undefined && value !== '') {
      // Compose files pass unset variables as empty text: that means not set.
      entries.set(key, entryOf(key, value, `environment ${name}`));
    }
  }
  const path = env[fileVariable];
  const file = path === undefined || path === '' ? null : { value: path, source: `environment ${fileVariable}` };
  return { entries, problems, file };
}

/** Reads a file, or says why not: without its content, and without more of the error than its code. */
export function readOrExplain(readFile: Sources['readFile'], path: string): { content: string } | { rule: string } {
  try {
    return { content: readFile(path) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    return { rule: `file cannot be read${code}` };
  }
}

/** The keys of a YAML text, or what is wrong with it. The text of a YAML error can quote the file; its code and place cannot. */
function parseYaml(text: string): { map: Record<string, unknown> } | { rules: string[] } {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  if (document.errors.length > 0) {
    const rules = document.errors.map(({ code, pos: [offset] }) => {
      const { line, col } = lineCounter.linePos(offset);
      return `is not valid YAML: ${code} at line ${line}, column ${col}`;
    });
    return { rules };
  }
  if (document.contents === null) return { map: {} };
  if (!isMap(document.contents)) return { rules: ['must be a map of keys'] };
  try {
    return { map: document.toJS() as Record<string, unknown> };
  } catch {
    return { rules: ['has too many aliases'] };
  }
}

function readDocument(file: Entry, readFile: Sources['readFile']): Layer {
  const entries = new Map<string, Entry>();
  const path = String(file.value);
  const read = readOrExplain(readFile, path);
  if ('rule' in read) {
    return { entries, problems: [problem('config', file.source, read.rule, showValue(path, false))], file: null };
  }
  const source = `file ${path}`;
  const parsed = parseYaml(read.content);
  if ('rules' in parsed) {
    return { entries, problems: parsed.rules.map((rule) => problem('config', source, rule)), file: null };
  }
  const problems: ConfigProblem[] = [];
  for (const [key, value] of Object.entries(parsed.map)) {
    if (metaOf(key) === null) {
      problems.push(problem(key.slice(0, 64), source, `unknown key${hintOf(key, configKeys)}`));
    } else {
      entries.set(key, entryOf(key, value, source));
    }
  }
  return { entries, problems, file: null };
}

const nothing: Layer = { entries: new Map(), problems: [], file: null };

/** Flag > environment > file. */
export function gather({ argv, env, readFile }: Sources): Gathered {
  const flags = readFlags(argv);
  const environment = readEnvironment(env);
  const file = flags.file ?? environment.file;
  const document = file === null ? nothing : readDocument(file, readFile);
  const layers = [document, environment, flags];
  return {
    entries: new Map(layers.flatMap((layer) => [...layer.entries])),
    problems: layers.flatMap((layer) => layer.problems),
  };
}
