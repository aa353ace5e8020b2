/**
 * The second third of the tube's vocabulary: the steps with generations (build, command, cut over, drop, forget), with the path that the active
 * one is (keepalive and health watch it), and with the session timers. Built-in actions only.
 */
import type { TubeEvent } from './events.js';
import type { Failure } from './failure.js';
import type { GenerationMode, TransportCommand, TransportSample } from './ports/transport.port.js';
import {
  attemptEnded,
  firstGeneration,
  qualityOf,
  raise,
  toRecord,
  transportId,
  transportInput,
  withoutPath,
  type GenerationInit,
  type OfGeneration,
  type PendingGeneration,
} from './tube.context.js';
import { tubeReports } from './tube.reports.js';
import { assign, enqueueActions } from 'xstate';
