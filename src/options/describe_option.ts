/**
 * One option in words, for `--help` and the README.
 *
 * @module
 */

import { withDefault } from "./layout.ts";
import { isFlag, NAMED } from "./names.ts";
import { dashed } from "./option.ts";
import type { Option } from "./option.ts";

/** All options under their headings, with their long names. */
export function optionGroups(): [heading: string, [string, Option][]][] {
  const groups: [string, [string, Option][]][] = [];
  for (const [name, option] of NAMED) {
    if (option.heading !== undefined) groups.push([option.heading, []]);
    groups.at(-1)![1].push([name, option]);
  }
  return groups;
}

/** Its names, short ones first. */
export function optionNames(name: string, { aliases = [] }: Option): string[] {
  const isShort = (alias: string): boolean => alias.length === 1;
  return [
    ...aliases.filter(isShort),
    name,
    ...aliases.filter((alias) => !isShort(alias)),
  ].map(dashed);
}

/** What stands for its value; "" for a flag. */
export function optionPlaceholder(option: Option): string {
  const { placeholder, kind } = option;
  return placeholder ?? kind.item?.placeholder ?? kind.placeholder;
}

/** What it means, and its default. */
export function optionMeaning(option: Option): string {
  const { help } = option;
  return isFlag(option) ? help : withDefault(help, option.default);
}
