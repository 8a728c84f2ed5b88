/**
 * A folder for the tests of log files, and what looks into it.
 *
 * @module
 */

import { assertEquals } from "../../src/std/assert.ts";
import { fromFileUrl, join } from "../../src/std/path.ts";
import { configureLog } from "../../src/log/log.ts";
import { appendLiteral } from "../../src/log/access_format.ts";
import { LogFile } from "../../src/log/log_file.ts";

/** Arguments of `deno` that run `log_file_child.ts`. */
export const RUN_CHILD: readonly string[] = [
  "run",
  "-A",
  "--config",
  fromFileUrl(new URL("../../deno.json", import.meta.url)),
  fromFileUrl(new URL("log_file_child.ts", import.meta.url)),
];

/** Runs `body` in a folder of its own, and gives it what the log says. */
export async function inFolder(
  body: (folder: string, told: string[]) => Promise<void>,
): Promise<void> {
  const outer = await Deno.makeTempDir();
  const folder = join(outer, `log "file" é'\\ %20`);
  await Deno.mkdir(folder);
  const told: string[] = [];
  configureLog({ level: "info", write: (text) => told.push(text.slice(25)) });
  try {
    await body(folder, told);
  } finally {
    configureLog({ level: "info" });
    await Deno.remove(outer, { recursive: true });
  }
}

/** A log file whose entries are its lines. */
export function lineFile(path: string | null): LogFile<string> {
  const encoder = new TextEncoder();
  return new LogFile(
    path,
    (text, bytes, at) => appendLiteral(bytes, at, encoder.encode(text)),
  );
}

/** The lines of a file, each of which has its end. */
export async function linesOf(path: string): Promise<string[]> {
  const lines = (await Deno.readTextFile(path)).split("\n");
  assertEquals(lines.pop(), "", "the last line has its end");
  return lines;
}

/** Tells whether there is something at `path`. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** A process that does what `log_file_child.ts` calls `args[0]`. */
export function child(...args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [...RUN_CHILD, ...args],
  });
}
