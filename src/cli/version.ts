/**
 * Which server this is.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };

/** The version of the package. */
export const VERSION: string = config.version;

/** One line for `--version`. */
export function versionText(): string {
  return `pagi-server ${VERSION} (Deno ${Deno.version.deno}, ${Deno.build.target})\n`;
}
