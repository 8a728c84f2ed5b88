/** Which server this is. */

import config from "../../deno.json" with { type: "json" };

/** The version of the package. */
export const VERSION: string = config.version;

/**
 * What `--version --verbose` adds: a line for each thing that the server uses
 * of Deno's internals.
 */
export async function internalsText(): Promise<string> {
  const { doorLines, tryDoors } = await import("../engine/mod.ts");
  await tryDoors();
  const lines = doorLines().map((line) => `  ${line}\n`);
  return `Deno's internals (shut: this Deno differs, and a public way serves):\n${
    lines.join("")
  }`;
}

/** One line for `--version`. */
export function versionText(): string {
  return `pagi-server ${VERSION} (Deno ${Deno.version.deno}, ${Deno.build.target})\n`;
}
