/**
 * All scenarios, in the order in which they are shown.
 *
 * @module
 */

import type { Scenario } from "./scenario.ts";
import { SLOW_CLIENTS } from "./slow_clients.ts";

export const SCENARIOS: readonly Scenario[] = [
  ...SLOW_CLIENTS,
];
