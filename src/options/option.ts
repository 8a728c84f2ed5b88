/**
 * What the option table says of one option, and the names that follow from it.
 *
 * @module
 */

import type { Kind } from "./kinds.ts";
import type { Settings } from "./settings.ts";

/** One option of the server with values of type `T`. */
export interface Option<T = unknown> {
  /** The heading of `--help` that starts with this option. */
  readonly heading?: string;
  /** Other names; those of one letter are short options. */
  readonly aliases?: readonly string[];
  readonly kind: Kind<NonNullable<T>>;
  /** True when one value on the command line may hold several, with commas. */
  readonly commas?: boolean;
  /** In place of the kind's placeholder. */
  readonly placeholder?: string;
  readonly default: T;
  /** For `--help`: no full stop, no default. */
  readonly help: string;
  /** Options that must not be given together with this one. */
  readonly excludes?: readonly (keyof Settings)[];
}

/** Every option by its key in {@linkcode Settings}, in the order of `--help`. */
export type OptionTable = {
  readonly [K in keyof Settings]: Option<Settings[K]>;
};

/** `maxConnections` is `max-connections` on the command line … */
export function longName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** … and `PAGI_MAX_CONNECTIONS` in the environment. */
export function environmentName(key: string): string {
  return `PAGI_${longName(key).replaceAll("-", "_").toUpperCase()}`;
}

/** `-x` for a letter, `--xyz` for a longer name. */
export function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}
