/** Ends with connections in every stage, open ones with traffic among them: shutdown, then nothing that keeps the process or aborts it. */
import { createNativeConnection } from '../../../src/transport/native-connection.js';
import { liveCounts, shutdown } from '../../../src/transport/native-runtime.js';
import { Scene, ScenePeer } from '../scene.js';
import { until } from '../../support/until.js';

const scenes = Array.from(
  { length: 3 },
  () => new Scene(createNativeConnection, new ScenePeer('overlap', createNativeConnection)),
);
await Promise.all(scenes.map((scene) => scene.restart(1)));
for (const scene of scenes) await until(() => scene.host.send('tube', 'data', 'x'.repeat(60_000)) === null);
const stream = setInterval(() => {
  for (const scene of scenes)
    for (let index = 0; index < 5; index++) scene.host.send('tube', 'data', 'x'.repeat(60_000));
}, 1);
scenes[0]!.open(2);
await scenes[1]!.connect(2);
await new Promise((resolve) => setTimeout(resolve, 20));
clearInterval(stream);
const before = liveCounts();
const startMs = performance.now();
await shutdown();
console.log(JSON.stringify({ before, after: liveCounts(), ms: Math.round(performance.now() - startMs) }));
process.exit(0);
