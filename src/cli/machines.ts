/** `holdfast machines export`: the statecharts as files that the Stately editor and other tools open. What is in them is made by src/charts/export.ts. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { exportFormats, exportMachines, type MachineFile } from '../charts/export.js';
import { hintOf } from '../config/names.js';
import { CliError, exitCodes, usageError, type Call, type ExitCode } from './command.js';

export async function exportCharts({ terminal, switches, values, args }: Call): Promise<ExitCode> {
  const { out } = values;
  const asked = values['format'] ?? 'ts';
  const format = exportFormats.find((known) => known === asked);
  if (format === undefined) throw usageError(`--format is ts or json, not ${JSON.stringify(asked)}`);
  const files = named(exportMachines(format), args);
  if (out !== undefined) {
    const paths = files.map((file) => write(out, file));
    if (switches.has('json')) terminal.print(JSON.stringify(paths));
    else for (const path of paths) terminal.print(path);
  } else if (switches.has('json')) {
    terminal.print(JSON.stringify(files));
  } else {
    const [file, ...others] = files;
    if (file === undefined || others.length > 0)
      throw usageError(
        `name one chart to see it (${files.map(nameOf).join(', ')}), or give --out DIR for the files of all`,
      );
    terminal.print(file.text.trimEnd());
  }
  return exitCodes.done;
}

/** `tube.machine.ts` → `tube` */
const nameOf = ({ name }: MachineFile): string => name.replace(/\..*$/, '');

/** Those that are named; all when none is. Throws CliError for one that there is not. */
function named(files: readonly MachineFile[], names: readonly string[]): readonly MachineFile[] {
  const known = files.map(nameOf);
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined)
    throw usageError(
      `there is no chart ${JSON.stringify(wrong)}${hintOf(wrong, known)}; there are ${known.join(', ')}`,
    );
  return names.length === 0 ? files : files.filter((file) => names.includes(nameOf(file)));
}

/** Level by level: Node's own way (recursive) never comes back where a file system allows no folders, as in /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
}

function write(folder: string, { name, text }: MachineFile): string {
  const path = join(folder, name);
  try {
    makeFolder(folder);
    writeFileSync(path, text);
    return path;
  } catch (error) {
    throw new CliError(
      exitCodes.unavailable,
      `${JSON.stringify(path)} cannot be written (${String((error as NodeJS.ErrnoException).code)}); choose another --out`,
    );
  }
}
