/**
 * The settings as a configuration file: `--print-config`, and what `--check`
 * shows.
 */

import { bundledAppOptions } from "../loader/bundled_app_help.ts";
import {
  allPairs,
  type AppSpec,
  type Pairs,
  parseAppSpec,
  parsePart,
} from "../loader/app_spec.ts";
import { lookUp } from "../loader/find_module.ts";
import { positionalOption } from "../options/app_options.ts";
import type { CommandLine } from "../options/command_line.ts";
import { optionGroups } from "../options/help.ts";
import { KEYS } from "../options/names.ts";
import { longName, type Option } from "../options/table.ts";
import type { Settings } from "../options/settings.ts";
import type { ValueType } from "../options/value_types.ts";
import { VERSION } from "./version.ts";

/** Columns of a line in front of the comment that says where it comes from. */
const WIDTH = 40;

/**
 * A file that `--config` reads to the settings of `line`, in which each says
 * where it comes from. Defaults are comments: given, some mean more.
 *
 * @param settings With the defaults that the mode decides.
 * @throws {OptionError} When the words of the app are wrong.
 */
export async function configText(
  line: CommandLine,
  settings: Settings,
): Promise<string> {
  const keys = new Map(KEYS.map((key) => [longName(key), key]));
  const groups = optionGroups().map(([heading, options]) => {
    const lines = options.flatMap(([name, option]) => {
      const key = keys.get(name);
      if (key === undefined || ELSEWHERE.has(key)) return [];
      const source = line.sources.get(key)?.();
      // As it was given: the mode has paths resolved.
      const value = source ? line.settings[key] : settings[key];
      const text = value === null
        ? `# ${name} is not set`
        : `${source ? "" : "# "}${name} = ${valueText(option, value)}`;
      return `${text.padEnd(WIDTH)}  # ${origin(source)}\n`;
    });
    return lines.length === 0 ? "" : `\n# ${heading}\n${lines.join("")}`;
  });
  return `# Settings of pagi-server ${VERSION}, for --config\n${
    groups.join("")
  }${await appText(line)}`;
}

/** The app comes last, and a file names no other. */
const ELSEWHERE: ReadonlySet<string> = new Set(["app", "config", "noConfig"]);

/** Where a setting comes from, by the source that messages name. */
function origin(source: string | undefined): string {
  if (source === undefined) return "default";
  return source.startsWith("-")
    ? `command line: ${source}`
    : source.replace(/: [\w-]+$/, "");
}

/** The app with its options, and its mounts; nothing where it is code. */
async function appText(line: CommandLine): Promise<string> {
  const { settings, positionals } = line;
  if (settings.eval !== null) return "";
  const source = line.sources.get("app")?.() ??
    (positionals.length > 0 ? "-" : undefined);
  const where = source === "-" ? "command line" : origin(source);
  const app = await named(parseAppSpec(positionals, settings.app, lookUp));
  const tables: string[] = [];
  const add = (header: string, { name, pairs }: NamedApp) => {
    const lines = [["name", name], ...Object.entries(pairs)].map((
      [key, value],
    ) => {
      const shown = withoutPlain(value);
      return `${keyText(key)} = ${escaped(JSON.stringify(shown))}\n`;
    });
    tables.push(`[${header}]\n${lines.join("")}`);
  };
  const { default: rest, ...mounts } = app.pairs;
  if (app.name !== "PAGI::App::URLMap") add("app", app);
  else {
    const part = (word: string) => named(parsePart(word, lookUp));
    if (rest !== undefined) add("app", await part(rest));
    for (const [place, word] of Object.entries(mounts)) {
      add(`mount.${JSON.stringify(place)}`, await part(word));
    }
  }
  return `\n# Application: ${where}\n${tables.join("\n")}\n`;
}

/** Hides passwords in plain text in the value of `auth`. */
function withoutPlain(value: string): string {
  return value.replace(/(:(?:plain:|\{PLAIN\})).*$/gim, "$1…");
}

interface NamedApp {
  readonly name: string;
  readonly pairs: Pairs;
}

/** @throws {OptionError} When the words of an app are wrong. */
async function named(spec: AppSpec): Promise<NamedApp> {
  const { name } = spec.target;
  const table = await bundledAppOptions(name);
  return { name, pairs: allPairs(spec, table && positionalOption(table)) };
}

function keyText(key: string): string {
  return /^[\w-]+$/.test(key) ? key : JSON.stringify(key);
}

/** A value as TOML. */
function valueText({ type }: Option, value: unknown): string {
  const one: ValueType<unknown> = type.item ?? type;
  const show = (value: unknown) =>
    escaped(
      typeof value === "number" && one.show === undefined
        ? String(value)
        : JSON.stringify(
          one.show === undefined || typeof value === "string" && !one.isSecret
            ? value
            : one.show(value),
        ),
    );
  return Array.isArray(value) && type.item !== undefined
    ? `[${value.map(show).join(", ")}]`
    : show(value);
}

/** JSON allows DEL unescaped, TOML does not. */
function escaped(json: string): string {
  return json.replaceAll("\x7f", "\\u007f");
}
