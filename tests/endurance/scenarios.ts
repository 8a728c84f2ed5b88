/**
 * All scenarios, in the order in which they are shown.
 *
 * @module
 */

import { BAD_APPS } from "./bad_apps.ts";
import { CLIENTS } from "./clients.ts";
import { SCARCITY } from "./scarcity.ts";
import type { Scenario } from "./scenario.ts";
import { SIGNALS } from "./signals.ts";
import { SLOW_CLIENTS } from "./slow_clients.ts";

export const SCENARIOS: readonly Scenario[] = [
  ...SLOW_CLIENTS,
  ...CLIENTS,
  ...SCARCITY,
  ...BAD_APPS,
  ...SIGNALS,
];
