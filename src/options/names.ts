/** The names of options, and the option of each. */

import {
  askedRequest,
  flag,
  list,
  probeTarget,
  requestField,
} from "./value_types.ts";
import { longName, OPTIONS } from "./table.ts";
import type { Option } from "./table.ts";
import type { Settings } from "./settings.ts";

/** The key of an option that sets something. */
export type Key = keyof Settings;
/** What the program can do besides running a server; the first one counts. */
export const ACTIONS = [
  "help",
  "version",
  "probe",
  "hashPassword",
  "printConfig",
  "check",
  "explain",
] as const;
export type Action = typeof ACTIONS[number];

/** Whether an action depends on the other options. */
export function needsSettings(action: "run" | Action): boolean {
  return !["help", "version", "probe", "hashPassword"].includes(action);
}

/** The options that do something else than run a server, and what they take. */
const INFORMATION: Readonly<
  Record<Action | "verbose" | "explainHeader", Option>
> = {
  help: {
    heading: "Information",
    type: flag,
    default: false,
    help: "Show this help; with the name of an option or a topic, more on it",
  },
  version: {
    aliases: ["v"],
    type: flag,
    default: false,
    help: "Show the version",
  },
  verbose: {
    type: flag,
    default: false,
    help:
      "With --version: also list the Deno internals that the server uses, and whether this Deno has them",
  },
  check: {
    type: flag,
    default: false,
    help: "Check the settings, the app, addresses and files, and exit",
  },
  printConfig: {
    type: flag,
    default: false,
    help: "Print the settings as a configuration file, and exit",
  },
  explain: {
    type: list(askedRequest),
    default: [],
    help: "Explain what would answer REQUEST, as in 'GET /path'; repeatable",
  },
  explainHeader: {
    aliases: ["H"],
    type: list(requestField),
    default: [],
    help: "A header field of the requests of --explain; repeatable",
  },
  hashPassword: {
    type: flag,
    default: false,
    help:
      "Ask for a password, or read it from standard input, and print its hash for auth=USER:HASH; with a user, USER:HASH",
  },
  probe: {
    type: probeTarget,
    default: null,
    help:
      "Health check: ask the server at URL; exit with 0 if it answers 2xx or 3xx, otherwise 1",
  },
};

/** The keys of all settings, in the order of the table. */
export const KEYS: readonly Key[] = Object.keys(OPTIONS) as Key[];

/** Every option with its long name, in the order of `--help`. */
export const NAMED: ReadonlyMap<string, Option> = new Map<string, Option>(
  Object.entries({ ...OPTIONS, ...INFORMATION })
    .map(([key, option]) => [longName(key), option]),
);

/** The long name of every name, without dashes. */
export const LONG_NAMES: ReadonlyMap<string, string> = new Map(
  [...NAMED].flatMap(([name, { aliases = [] }]) =>
    [name, ...aliases].map((spelling) => [spelling, name] as const)
  ),
);

/** Whether the option takes no value. */
export function isFlag(option: Option): boolean {
  return option.type.placeholder === "";
}
