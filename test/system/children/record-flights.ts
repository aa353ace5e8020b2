/**
 * Records flight files of real incidents in the laboratory (root, Linux): plays scenarios with real packets, takes the flight of the first tube from the
 * service, and writes it to test/replay/flights. For whoever wants new ones: `npm run flights -- <scenario>...`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Laboratory } from '../lab/lab.js';
import { scenarios } from '../lab/catalogue.js';
import type { PeerKind } from '../lab/setting.js';

const folder = 'test/replay/flights';
const seed = 1;

/** `black-hole` or `black-hole:chromium`. */
async function record(lab: Laboratory, wanted: string): Promise<void> {
  const [name = '', kind = 'library'] = wanted.split(':');
  const scenario = scenarios.find((known) => known.name === name);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  let flight: unknown = null;
  const [result] = await lab.play(
    {
      ...scenario,
      check: async (stage, ...rest) => {
        const tubeId = stage.tracks[0]?.tubeId;
        flight = (await stage.control.ok('export_history', { tube_id: tubeId }))['flight'];
        return (await scenario.check?.(stage, ...rest)) ?? {};
      },
    },
    { kind: kind as PeerKind, runs: 1, seed },
  );
  if (flight === null) throw new Error(`${name}: ${result?.faults.join('; ') ?? 'nothing was recorded'}`);
  const text = JSON.stringify(flight);
  writeFileSync(join(folder, `${name}${kind === 'library' ? '' : `-${kind}`}.json`), `${text}\n`);
  console.log(`${wanted}: ${String(text.length)} bytes; ${result?.states.join(' ') ?? ''}`);
}

const lab = await Laboratory.build(seed);
process.once('exit', () => lab.topology.dispose());
for (const wanted of process.argv.slice(2)) await record(lab, wanted);
await lab.close();
process.exit();
