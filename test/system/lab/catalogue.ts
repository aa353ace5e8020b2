/** All scenarios, in the order of the table. */
import type { Scenario } from './scenario.js';
import { interfaceScenarios } from './scenarios/interfaces.js';

export const scenarios: readonly Scenario[] = [...interfaceScenarios];
