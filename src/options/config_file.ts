/**
 * The configuration file: every option by its long name, and the app with its
 * options and mounts.
 *
 * An app and its options become the words that the command line would have, so
 * that there is one way from words to an app.
 */

import { parseToml } from "../std/toml.ts";
import { REPEATABLE } from "./app_options.ts";
import { didYouMean, messageOf, OptionError, quote } from "./option_error.ts";
import { KEYS } from "./names.ts";
import type { Key } from "./names.ts";
import { check } from "./resolve_settings.ts";
import type { GivenValues } from "./resolve_settings.ts";
import { coerceGiven, longName, OPTIONS } from "./table.ts";
import type { Option } from "./table.ts";

/** A name in a file: `["mount", "/api", "root"]`. */
type KeyPath = readonly string[];
type Table = Readonly<Record<string, unknown>>;

/** An app of a configuration file with its options as words. */
export interface ConfiguredApp {
  readonly name: string | null;
  readonly pairs: Readonly<Record<string, string>>;
  readonly path: KeyPath;
}

/** What a configuration file says. */
export class ConfigFile {
  readonly values: GivenValues;
  /** The `key=value` words of the app that the file names. */
  readonly words: readonly string[] = [];
  /** Every app in the file. */
  readonly apps: readonly ConfiguredApp[];
  readonly #statements: readonly Statement[];

  /**
   * @param path For messages.
   * @throws {OptionError} For what is wrong in `text`, with the line.
   */
  constructor(readonly path: string, text: string) {
    const plain = text.replace(/^\uFEFF/, "");
    this.#statements = [...statements(plain)];
    this.#refuseDuplicates();
    const { app, mount, ...options } = this.#parse(plain);
    const values = new Map<Key, unknown>();
    for (const [name, value] of Object.entries(options)) {
      const key = KEY_OF.get(name);
      if (key === undefined) {
        const hint = didYouMean(name, [...KEY_OF.keys(), "app", "mount"]);
        throw this.#error([name], `unknown option ${quote(name)}${hint}`);
      }
      const option: Option = OPTIONS[key];
      values.set(key, check(this.label(key), () => coerceGiven(option, value)));
    }
    const apps: ConfiguredApp[] = [];
    const read = (value: unknown, path: KeyPath) =>
      this.#readApp(value, path, apps);
    const main = app === undefined ? null : read(app, ["app"]);
    if (mount !== undefined) {
      values.set("app", "PAGI::App::URLMap");
      this.words = Object.entries(this.#table(mount, ["mount"])).map(
        ([place, value]) => {
          if (place.startsWith("/")) {
            return `${place}=${asWord(read(value, ["mount", place]))}`;
          }
          throw this.#error(
            ["mount", place],
            `${
              quote(place)
            } is not a place; write [mount."/path"] or [mount."//host/path"]`,
          );
        },
      );
      if (main !== null) {
        this.words = [...this.words, `default=${asWord(main)}`];
      }
    } else if (main !== null) {
      if (main.name !== null) values.set("app", main.name);
      this.words = pairsOf(main);
    }
    this.values = values;
    this.apps = apps;
  }

  /** Names an option in a message: `pagi-server.toml, line 3: port`. */
  label(key: Key): string {
    return `${this.#place([longName(key)])}: ${longName(key)}`;
  }

  /** Where the file sets an option: `pagi-server.toml, line 3`. */
  source(key: Key): string {
    return this.#place([longName(key)]);
  }

  /** The error of an app's option, with its line. */
  appError({ path }: ConfiguredApp, key: string, error: Error): OptionError {
    return this.#error([...path, key], error.message);
  }

  #parse(text: string): Table {
    try {
      return parseToml(text);
    } catch (error) {
      const [, line, what] =
        /^Parse error on line (\d+), column \d+: (.*)$/s.exec(
          messageOf(error),
        ) ?? [];
      throw new OptionError(
        `${this.path}${line === undefined ? "" : `, line ${line}`}: ${
          what ?? messageOf(error)
        }`,
      );
    }
  }

  /** The parser lets a later value replace an earlier one, against TOML 1.0. */
  #refuseDuplicates(): void {
    const lineOfKey = new Map<string, number>();
    for (const { line, path, text } of this.#statements) {
      if (/^\s*\[\[/.test(text)) return; // of lists of tables there are none
      const isHeader = text.trimStart().startsWith("[");
      const key = JSON.stringify(isHeader ? [path] : path);
      const before = lineOfKey.get(key);
      if (before !== undefined) {
        throw new OptionError(
          `${this.path}, line ${line}: ${
            quote(path.at(-1) ?? "")
          } is given twice; the first is in line ${before}`,
        );
      }
      lineOfKey.set(key, line);
    }
  }

  /** An app: its name, or a table of its `name` and its options. */
  #readApp(value: unknown, path: KeyPath, all: ConfiguredApp[]): ConfiguredApp {
    const { name = null, ...options } = typeof value === "string"
      ? { name: value }
      : this.#table(value, path);
    if (typeof name !== "string" && name !== null) {
      throw this.#error([...path, "name"], "the name of an app is a text");
    }
    const pairs = Object.entries(options).map(([key, value]) =>
      [key, this.#word(value, [...path, key], all)] as const
    );
    const app = { name, pairs: Object.fromEntries(pairs), path };
    all.push(app);
    return app;
  }

  /** The value of an app's option as the command line has it. */
  #word(value: unknown, path: KeyPath, all: ConfiguredApp[]): string {
    if (typeof value === "boolean") return value ? "1" : "0";
    if (typeof value === "string" || typeof value === "number") {
      return String(value);
    }
    if (Array.isArray(value)) {
      return value.map((item) => this.#word(item, path, all))
        .join(REPEATABLE.has(path.at(-1)!) ? "\n" : ",");
    }
    const table = this.#table(value, path);
    return typeof table.name === "string"
      ? asWord(this.#readApp(table, path, all))
      : Object.entries(table).map(([name, text]) => `${name}: ${text}`)
        .join(", ");
  }

  #table(value: unknown, path: KeyPath): Table {
    if (
      typeof value === "object" && value !== null && !Array.isArray(value) &&
      !(value instanceof Date)
    ) return value as Table;
    throw this.#error(
      path,
      `${path.join(".")} must be a table${
        path.at(-1) === "mount" ? "" : " or the name of an app"
      }`,
    );
  }

  #error(path: KeyPath, what: string): OptionError {
    return new OptionError(`${this.#place(path)}: ${what}`);
  }

  /** The statement that sets what is at `path`, or the table around it. */
  #place(path: KeyPath): string {
    const found =
      this.#statements.find((statement) => isPrefix(path, statement.path)) ??
        this.#statements.findLast((statement) =>
          isPrefix(statement.path, path)
        );
    return found === undefined ? this.path : `${this.path}, line ${found.line}`;
  }
}

/** What a file may set, by its name there. */
const KEY_OF: ReadonlyMap<string, Key> = new Map(
  KEYS.filter((key) => !["app", "config", "noConfig"].includes(key))
    .map((key) => [longName(key), key]),
);

/** A header of a table, or `key = value`. */
interface Statement {
  /** The number of its first line. */
  readonly line: number;
  readonly text: string;
  /** What it makes or sets; begins with the names of the header above. */
  readonly path: KeyPath;
}

function* statements(text: string): Generator<Statement> {
  let lines: string[] = [];
  let header: KeyPath = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (lines.length === 0 && /^\s*(?:#.*)?$/.test(line)) continue;
    lines.push(line);
    const statement = lines.join("\n");
    let parsed: unknown;
    try {
      parsed = parseToml(statement);
    } catch {
      continue; // in the middle of a value
    }
    const names = onlyPath(parsed);
    const isHeader = statement.trimStart().startsWith("[");
    if (isHeader) header = names;
    const path = isHeader ? names : [...header, ...names];
    yield { line: index + 2 - lines.length, text: statement, path };
    lines = [];
  }
}

function isPrefix(start: KeyPath, path: KeyPath): boolean {
  return start.every((name, depth) => path[depth] === name);
}

/** The names down to the value of a single statement, or to its empty table. */
function onlyPath(value: unknown): string[] {
  const path: string[] = [];
  for (
    let entries = entriesOf(value);
    entries.length === 1;
    entries = entriesOf(entries[0][1])
  ) path.push(entries[0][0]);
  return path;
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null &&
      !Array.isArray(value) && !(value instanceof Date)
    ? Object.entries(value)
    : [];
}

/** An app that is the value of another's option, in one word. */
function asWord(app: ConfiguredApp): string {
  return [app.name ?? "PAGI::App::Directory", ...pairsOf(app, true)].join(",");
}

/** What the loader would divide or take for JSON (parsePart of app_spec.ts). */
const AMBIGUOUS = /^"|,(?:[A-Za-z_]\w*=|(?:\d+|\/[^=,]*)=")/;

/**
 * Pairs as words. Within a word an ambiguous value is a JSON text without
 * commas, and so is one of a key that is not a word.
 */
function pairsOf({ pairs }: ConfiguredApp, within = false): string[] {
  return Object.entries(pairs).map(([key, value]) =>
    within && (AMBIGUOUS.test(value) || !/^[A-Za-z_]\w*$/.test(key))
      ? `${key}=${JSON.stringify(value).replaceAll(",", "\\u002c")}`
      : `${key}=${value}`
  );
}
