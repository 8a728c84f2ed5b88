/**
 * What a scenario is.
 *
 * @module
 */

import type { Ask } from "./answers.ts";
import type { Contender } from "./contenders.ts";
import type { Load } from "./load.ts";
import type { Measure } from "./measures.ts";
import type { Workplace } from "./workplace.ts";

/** One thing that is measured. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What is counted per second. */
  readonly unit: string;
  readonly contenders: readonly Contender[];
  /** More than these rounds tell no more. */
  readonly maxRounds?: number;
  /** What has to be answered the same by all. */
  readonly ask?: Ask;
  /** Loads servers that run side by side through a round, … */
  readonly load?: Load;
  /** … or measures one that is started for each. */
  readonly measure?: Measure;
  /** What runs behind the contenders, on the core of the load. */
  readonly upstream?: Contender;
  /** Writes what is served. */
  prepare?(workplace: Workplace): void;
}
