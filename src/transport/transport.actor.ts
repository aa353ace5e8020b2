/**
 * The transport actor: one per generation, child of its tube. A thin go-between: commands to the TransportHost, its events to the tube.
 *
 * Input, commands and events: machines/ports/transport.port.ts. Failures come as `transport.failed` and `transport.refused`; it never throws.
 * Stopping it closes nothing: a tube that crashed leaves its connection to the successor (mode `adopt`), and one that ended properly is closed by
 * `transport.close` or by the registry through `TransportHost.closeTube`.
 */
import { type CallbackActorLogic, fromCallback } from 'xstate';
import type { TransportCommand, TransportEvent, TransportInput } from '../../machines/ports/transport.port.js';
import type { TransportHost } from './transport-host.js';

/** Told what a tube is about to hear of its generations, for a recorder. It must not throw. */
export type TransportTap = (tubeId: string, event: TransportEvent) => void;

export function createTransportActor(
  host: TransportHost,
  tap: TransportTap = () => undefined,
): CallbackActorLogic<TransportCommand, TransportInput> {
  return fromCallback<TransportCommand, TransportInput>(({ input, sendBack, receive }) => {
    const handle = host.open(input, (event) => {
      tap(input.tubeId, event);
      sendBack(event);
    });
    receive((command) => handle.command(command));
    return () => handle.release();
  });
}
