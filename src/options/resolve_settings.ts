/** From given values to settings: defaults, and conflicts between options. */

import { KEYS } from "./names.ts";
import type { Key } from "./names.ts";
import { ValueError } from "./value_types.ts";
import { didYouMean, OptionError, quote } from "./option_error.ts";
import type { ResolvedSettings, Settings } from "./settings.ts";
import { OPTIONS } from "./table.ts";

/** Values that were given, each of its option's type. */
export type GivenValues = ReadonlyMap<Key, unknown>;

/**
 * Settings for use in code: checks each given value by its type (a string is
 * parsed, null and undefined mean "not given") and fills in the defaults.
 * Throws {@linkcode OptionError} for an unknown key, a wrong value, or values
 * that do not go together.
 */
export function resolveSettings(
  given: Partial<Settings> = {},
): ResolvedSettings {
  const values = new Map<Key, unknown>();
  for (const [key, value] of Object.entries(given)) {
    if (!isKey(key)) {
      const hint = didYouMean(key, KEYS);
      throw new OptionError(`unknown setting ${quote(key)}${hint}`);
    }
    if (value === null || value === undefined) continue;
    const accepted = check(
      `setting ${key}`,
      () => OPTIONS[key].type.coerce(value),
    );
    values.set(key, accepted);
  }
  return applyDefaults(values, (key) => `setting ${key}`);
}

/** Puts `label` before the message of a value's error. */
export function check<T>(label: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new OptionError(`${label}: ${error.message}`);
  }
}

/**
 * Checks `values` against one another and fills in the defaults. `label` names
 * an option in messages.
 */
export function applyDefaults(
  values: GivenValues,
  label: (key: Key) => string,
): ResolvedSettings {
  for (const [key, value] of values) {
    if (isOff(value)) continue;
    const other = excludedBy(values, key);
    if (other !== undefined) {
      throw new OptionError(
        `${label(key)} and ${label(other)} cannot be combined; give only one`,
      );
    }
  }
  if (values.has("sslCert") !== values.has("sslKey")) {
    const [given, missing]: [Key, Key] = values.has("sslCert")
      ? ["sslCert", "sslKey"]
      : ["sslKey", "sslCert"];
    throw new OptionError(`${label(given)} needs ${label(missing)} too`);
  }
  for (const key of ["reloadDir", "reloadInclude"] as const) {
    if (values.has(key) && !values.get("reload")) {
      throw new OptionError(`${label(key)} needs ${label("reload")} too`);
    }
  }
  if (values.has("trustedProxies") && !values.get("proxyHeaders")) {
    throw new OptionError(
      `${label("trustedProxies")} needs ${label("proxyHeaders")} too`,
    );
  }
  if (values.get("http2") === false) {
    throw new OptionError(
      `${label("http2")}: Deno always offers HTTP/2 and cannot turn it off; ` +
        "put a proxy that speaks only HTTP/1.1 in front",
    );
  }
  const all = Object.fromEntries(
    KEYS.map((key) => [key, values.get(key) ?? OPTIONS[key].default]),
  ) as unknown as Settings;
  const responseStartTimeout = values.has("timeout") ? all.timeout : 0;
  const settings = { ...all, responseStartTimeout };
  const { writeLowWatermark: low, writeHighWatermark: high } = settings;
  if (low > high && !values.has("writeLowWatermark")) {
    return { ...settings, writeLowWatermark: high };
  }
  if (low > high) {
    throw new OptionError(
      `${label("writeLowWatermark")} (${low}) must not be above ` +
        `${label("writeHighWatermark")} (${high})`,
    );
  }
  return settings;
}

/** The option in force among `values` that excludes `key`, if any. */
export function excludedBy(values: GivenValues, key: Key): Key | undefined {
  const conflicts = (one: Key, other: Key): boolean =>
    OPTIONS[one].conflictsWith?.includes(other) ?? false;
  for (const [other, value] of values) {
    const conflict = conflicts(key, other) || conflicts(other, key);
    if (conflict && !isOff(value)) return other;
  }
}

/** Whether a value is a flag that is off, or an empty list. */
function isOff(value: unknown): boolean {
  return value === false || Array.isArray(value) && value.length === 0;
}

function isKey(key: string): key is Key {
  return Object.hasOwn(OPTIONS, key);
}
