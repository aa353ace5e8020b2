/** The statecharts of a tube, by the names that files and charts have for them. What a new chart must be added to. */
import type { AnyStateMachine } from 'xstate';
import { healthMachine } from '../../machines/health.machine.js';
import { keepaliveMachine } from '../../machines/keepalive.machine.js';
import { restartMachine } from '../../machines/restart.machine.js';
import { tubeMachine } from '../../machines/tube.machine.js';

/** By name: also the id of the machine, and the name of its file in machines/. */
export const machines = {
  tube: tubeMachine,
  restart: restartMachine,
  keepalive: keepaliveMachine,
  health: healthMachine,
} as const satisfies Readonly<Record<string, AnyStateMachine>>;
