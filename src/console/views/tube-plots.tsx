/** Round trip, loss and throughput of a tube over the last minutes. */
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import type { SamplePoint } from '../../operator/operator.types.js';
import { useApp } from '../app.js';
import { Plot } from '../charts/plot.js';
import { tubeSeries, worst } from '../charts/series.js';
import { bytes, percent, roundTrip, unknown } from '../format.js';
import { Card, Problem } from '../parts/card.js';
import { getSamples } from '../socket/operator-calls.js';
import { usePolled } from '../store/polled.js';

const everyMs = 5000;
const perSecond = (value: number | null): string => (value === null ? unknown : `${bytes(value)}/s`);

interface TubePlotsProps {
  readonly tubeId: string;
}

export function TubePlots({ tubeId }: TubePlotsProps): JSX.Element {
  const { session } = useApp();
  const samples = usePolled(`samples ${tubeId}`, everyMs, () => getSamples(session, tubeId));
  const known = samples.value.value;
  return (
    <Card title="Measurements" class="plots-card">
      <Problem text={samples.problem.value} />
      {known !== null && known.length < 2 ? (
        <p class="hint">Nothing to draw yet: the path is measured every few seconds.</p>
      ) : (
        <Plots samples={known ?? []} />
      )}
    </Card>
  );
}

interface PlotsProps {
  readonly samples: readonly SamplePoint[];
}

function Plots({ samples }: PlotsProps): JSX.Element {
  const { times, rttMs, loss, inPerSecond, outPerSecond } = useMemo(() => tubeSeries(samples), [samples]);
  return (
    <div class="plots">
      <Plot
        title="Round trip"
        times={times}
        format={roundTrip}
        leastTop={10}
        note={`worst ${roundTrip(worst(rttMs))}`}
        series={[{ name: 'now', mark: 'series-1', values: rttMs }]}
      />
      <Plot
        title="Loss"
        times={times}
        format={percent}
        leastTop={0.05}
        note={`worst ${percent(worst(loss))}`}
        series={[{ name: 'now', mark: 'series-1', values: loss }]}
      />
      <Plot
        title="Throughput"
        times={times}
        format={perSecond}
        leastTop={1000}
        series={[
          { name: 'from the peer', mark: 'series-1', values: inPerSecond },
          { name: 'to the peer', mark: 'series-2', values: outPerSecond },
        ]}
      />
    </div>
  );
}
