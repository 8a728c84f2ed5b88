/**
 * Fuzzes command lines, the environment, app specs, and settings and options
 * in code.
 *
 * @module
 */

import { DirectoryApp } from "../../src/apps/directory.ts";
import { HealthcheckApp } from "../../src/apps/healthcheck.ts";
import { NotFoundApp } from "../../src/apps/not_found.ts";
import { ProxyApp } from "../../src/apps/proxy.ts";
import { RedirectApp } from "../../src/apps/redirect.ts";
import {
  type AppOptionTable,
  readAppOptions,
} from "../../src/options/app_options.ts";
import {
  describeApp,
  parseAppSpec,
  parsePart,
} from "../../src/loader/app_spec.ts";
import { parseCommandLine } from "../../src/options/command_line.ts";
import { KEYS, LONG_NAMES } from "../../src/options/names.ts";
import { environmentName } from "../../src/options/table.ts";
import { OptionError } from "../../src/options/option_error.ts";
import { resolveSettings } from "../../src/options/resolve_settings.ts";
import { hostileText, oddValue, PIECES, Sprung } from "./hostile.ts";
import { holdOneLine } from "./one_line.ts";
import type { Random } from "./random.ts";
import { hold, type Target } from "./target.ts";

const NAMES = [...LONG_NAMES.keys()];
const VALUES = [
  ..."0 1 -1 8080 70000 1e3 0x10 1.5 info debug auto on off clf true".split(
    " ",
  ),
  ...["127.0.0.1", "::1", "[::1]:80", "localhost:99999", "unix:/x", "0660"],
  ...["", "-", "--", "=", ",", "a,b", "/nowhere", "/etc/passwd", "99999999999"],
];

/** Any command line is read, or refused in one line. */
export const commandLine: Target = {
  name: "command-line",
  share: 10,
  open: () => ({
    parallel: 1,
    round(random) {
      refusedInALine(() => {
        const args = random.list(6, () => argument(random));
        const read = parseCommandLine(args, environment(random));
        for (const { text } of read.notices) holdOneLine(text);
        resolveSettings(read.settings);
      });
      return 1;
    },
    close() {},
  }),
};

/** Settings of any type, given in code, are taken or refused in one line. */
export const settingsInCode: Target = {
  name: "settings",
  share: 10,
  open: () => ({
    parallel: 1,
    round(random) {
      const given = Object.fromEntries(random.list(4, () => [
        random.once(20) ? hostileText(random) : random.pick(KEYS),
        random.once(2) ? random.pick(VALUES) : oddValue(random),
      ]));
      refusedInALine(() => resolveSettings(given));
      return 1;
    },
    close() {},
  }),
};

const TABLES: readonly AppOptionTable[] = [
  DirectoryApp.options,
  HealthcheckApp.options,
  NotFoundApp.options,
  ProxyApp.options,
  RedirectApp.options,
];

/** Any words that name an app are read, or refused in one line. */
export const appSpec: Target = {
  name: "app-spec",
  share: 15,
  open: () => ({
    parallel: 1,
    round(random) {
      const table = random.pick(TABLES);
      refusedInALine(() => {
        const words = random.list(5, () => word(random, table));
        const app = random.once(3) ? word(random, table) : null;
        const spec = parseAppSpec(
          words,
          app,
          () => random.once(2) ? "code" : null,
        );
        holdOneLine(describeApp(spec) || "-");
        for (const pair of Object.entries(spec.pairs)) {
          const whole = words.includes(pair.join("=")) ||
            pair.join("=") === "root=.";
          hold(whole, () => `a pair was made up: ${JSON.stringify(pair)}`);
        }
      });
      refusedInALine(() => parsePart(word(random, table), () => null));
      refusedInALine(() =>
        readAppOptions(
          "App",
          table,
          Object.fromEntries(random.list(3, () => [
            random.once(9) ? hostileText(random) : random.pick(
              Object.keys(table),
            ),
            random.once(2) ? random.pick(VALUES) : oddValue(random),
          ])),
        )
      );
      return 3;
    },
    close() {},
  }),
};

/** Runs `read`; what it throws must be meant for a person. */
function refusedInALine(read: () => void): void {
  try {
    read();
  } catch (error) {
    // Code that gives traps for settings springs them itself.
    if (error instanceof Sprung) return;
    if (error instanceof TypeError && /revoked/.test(error.message)) return;
    if (!(error instanceof OptionError)) throw error;
    holdOneLine(error.message);
  }
}

function value(random: Random): string {
  return random.once(3) ? hostileText(random, 5) : random.pick(VALUES);
}

function argument(random: Random): string {
  const name = () =>
    random.once(8)
      ? random.mutated(random.pick(NAMES), PIECES)
      : random.pick(NAMES);
  return random.one(
    () => `--${name()}`,
    () => `--${name()}=${value(random)}`,
    () => `-${name()}`,
    () => `-${name()}${value(random)}`,
    () => `-${random.text("qDhpwbIaelMvx=5", 5)}`,
    () => value(random),
    () => `${hostileText(random, 3)}=${value(random)}`,
  );
}

function environment(random: Random): Record<string, string> {
  return Object.fromEntries(random.list(2, () => [
    random.once(5)
      ? random.pick(["IO_ASYNC_LOOP", "LIBEV_FLAGS", "PAGI_", "PAGI_NO"])
      : environmentName(random.pick(KEYS)),
    value(random).replaceAll("\0", ""),
  ]));
}

function word(random: Random, table: AppOptionTable): string {
  return random.one(
    () => `${random.pick(Object.keys(table))}=${value(random)}`,
    () => `${hostileText(random, 3)}=${value(random)}`,
    () => hostileText(random, 5),
    () => random.text(["PAGI", "::", "App", "File", ",", "root=", "a", "="], 8),
    () =>
      random.pick(["npm:", "jsr:", "https://", "file:///", "./", ""]) +
      hostileText(random, 3) + random.pick([".ts", ".pl", ".psgi", ""]),
  );
}
