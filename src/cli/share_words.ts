/**
 * The words of a share whose meaning changes each time they are read: a random
 * path and an end are fixed once, for all workers and reloads.
 */

import { parseAppSpec } from "../loader/app_spec.ts";
import { BUNDLED_APPS } from "../loader/bundled_apps.ts";
import { lookUp } from "../loader/find_module.ts";
import type { CommandLine } from "../options/command_line.ts";

const RANDOM = /((?:^|,)random_path=)(?:1|true|yes|on)(?=,|$)/gi;
const EXPIRES = /((?:^|,)expires=)((?:[\d.]+[smhd])+)(?=,|$)/gi;
const AUTH = /(?:^|[=,"])(?:auth|auth_file)\\?"?=/;
/** Where a process finds the words that its predecessor has fixed. */
const VARIABLE = "PAGI_SETTLED_SHARES";

/**
 * The command line with what is new each time settled.
 *
 * @param succeeds Whether another process has served the same so far.
 */
export async function settleShares(
  line: CommandLine,
  succeeds: boolean,
): Promise<CommandLine> {
  const { positionals, settings } = line;
  if (!positionals.some((word) => /random_path=|expires=/.test(word))) {
    return line;
  }
  const { newPath, endOf } = await import("../middleware/sharing.ts");
  const { target } = parseAppSpec(positionals, settings.app, lookUp);
  const isOwn = (word: string) =>
    !BUNDLED_APPS.has(target.name) && /^(?:random_path|expires)=/.test(word);
  const before: Record<string, string> = succeeds
    ? JSON.parse(Deno.env.get(VARIABLE) ?? "{}")
    : {};
  const settled: Record<string, string> = {};
  const words = positionals.map((word, index) => {
    if (isOwn(word)) return word;
    const name = `${index} ${word}`;
    return settled[name] = before[name] ??
      word.replace(
        RANDOM,
        (_, start) => `${start}${newPath()}`,
      ).replace(EXPIRES, (all, start, time) => {
        const end = endOf(time);
        return end === undefined
          ? all
          : `${start}${new Date(end).toISOString()}`;
      });
  });
  Deno.env.set(VARIABLE, JSON.stringify(settled));
  return { ...line, positionals: words };
}

/** Where the first share with a random path is, without the slash in front: `x/TOKEN/`. */
export function sharePath(positionals: readonly string[]): string {
  for (const word of positionals) {
    const [, path] = /(?:^|,)random_path=([\w-]{16,64})(?:,|$)/.exec(word) ??
      [];
    if (path === undefined) continue;
    const [, mount = ""] = /^(\/(?!\/)[^=]*)=/.exec(word) ?? [];
    return `${mount.replace(/^\/+|\/+$/g, "")}/${path}/`.replace(/^\//, "");
  }
  return "";
}

/** Whether a part of the app requires passwords. */
export function asksForPassword(positionals: readonly string[]): boolean {
  return positionals.some((word) => AUTH.test(word));
}
