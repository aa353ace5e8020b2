/** All scenarios, in the order of the table as far as it has one. */
import type { Scenario } from './scenario.js';
import { chaosScenarios } from './scenarios/chaos.js';
import { crowdScenarios } from './scenarios/crowd.js';
import { interfaceScenarios } from './scenarios/interfaces.js';
import { pathScenarios } from './scenarios/paths.js';
import { processScenarios } from './scenarios/processes.js';

export const scenarios: readonly Scenario[] = [
  ...interfaceScenarios,
  ...pathScenarios,
  ...processScenarios,
  ...crowdScenarios,
  ...chaosScenarios,
];
