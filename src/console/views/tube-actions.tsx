/** What can be done with a tube: restart, close, save its history; and, where the node allows it, break it. */
import type { JSX } from 'preact';
import { faults, type TubeRow } from '../../operator/operator.types.js';
import { useApp } from '../app.js';
import { ActionButton, ConfirmButton, OutcomeLine, useAsking } from '../parts/actions.js';
import { Card } from '../parts/card.js';
import { Icon } from '../parts/marks.js';
import { closeTube, exportHistory, getNode, injectFault, restartTube } from '../socket/operator-calls.js';
import { usePolled } from '../store/polled.js';
import { faultWords } from '../words.js';

interface TubeActionsProps {
  readonly row?: TubeRow;
  /** Of a tube that has ended: its history can still be saved. */
  readonly closedTubeId?: string;
}

export function TubeActions({ row, closedTubeId = '' }: TubeActionsProps): JSX.Element {
  const { session } = useApp();
  const asking = useAsking();
  const tubeId = row?.tube_id ?? closedTubeId;
  const isOff = asking.isOff.value;
  const canRestart = row?.state === 'connected' || row?.state === 'failed' || row?.state === 'degraded';
  return (
    <div class="tube-actions">
      <div class="actions" role="group" aria-label="What to do with the tube">
        {row !== undefined && (
          <ActionButton
            isOff={isOff || !canRestart}
            onPress={() => asking.ask(() => restartTube(session, tubeId), 'A restart was asked for.')}
          >
            <Icon name="restart" /> Restart
          </ActionButton>
        )}
        <ActionButton
          isOff={isOff}
          onPress={() =>
            asking.ask(async () => save(tubeId, await exportHistory(session, tubeId)), 'The history was saved.')
          }
        >
          <Icon name="export" /> Save history
        </ActionButton>
        {row !== undefined && (
          <ConfirmButton
            class="danger-quiet"
            isOff={isOff}
            question={`Close the tube of “${row.conversation_id}”? Its peer is disconnected, and it cannot be opened again.`}
            yes="Close the tube"
            onPress={() => asking.ask(() => closeTube(session, tubeId), 'The tube is closed.')}
          >
            <Icon name="close" /> Close
          </ConfirmButton>
        )}
      </div>
      <OutcomeLine asking={asking} />
    </div>
  );
}

/** As a file of the browser's downloads. */
function save(tubeId: string, flight: object): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(flight, null, 2)], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `holdfast-${tubeId}.json`;
  link.click();
  // The download has begun by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const faultMs = 30_000;

interface TubeFaultsProps {
  readonly tubeId: string;
}

/** Nothing, unless the node was started with fault injection allowed. */
export function TubeFaults({ tubeId }: TubeFaultsProps): JSX.Element | null {
  const { session } = useApp();
  const asking = useAsking();
  const node = usePolled('faults', 60_000, () => getNode(session)).value.value;
  if (node?.fault_injection !== true) return null;
  return (
    <Card title="Break it on purpose">
      <p class="hint">This node allows fault injection, as nodes in production should not.</p>
      <div class="faults">
        {faults.map((fault) => (
          <div key={fault}>
            <ActionButton
              class="danger-quiet"
              isOff={asking.isOff.value}
              onPress={() =>
                asking.ask(() => injectFault(session, tubeId, fault, faultMs), `${faultWords[fault].name}: done.`)
              }
            >
              {faultWords[fault].name}
            </ActionButton>
            <span class="hint">{faultWords[fault].meaning}</span>
          </div>
        ))}
      </div>
      <OutcomeLine asking={asking} />
    </Card>
  );
}
