/**
 * Programs that tests use where they are installed.
 *
 * @module
 */

import { join } from "../../src/std/path.ts";

/** The path of a program, looked up as a shell does; null without it. */
export function findProgram(name: string): string | null {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = join(folder, name);
    try {
      const { isFile, mode } = Deno.statSync(path);
      if (isFile && (mode === null || (mode & 0o111) !== 0)) return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/**
 * Registers a test that needs programs. Where one is missing, the test is
 * ignored and its title says why.
 */
export function testWith(
  programs: readonly string[],
  title: string,
  fn: () => void | Promise<void>,
  options: Pick<
    Deno.TestDefinition,
    "ignore" | "sanitizeOps" | "sanitizeResources"
  > = {},
): void {
  const missing = programs.filter((name) => findProgram(name) === null);
  Deno.test({
    ...options,
    name: missing.length === 0
      ? title
      : `${title} (skipped without ${missing.join(", ")})`,
    ignore: missing.length > 0 || options.ignore === true,
    fn,
  });
}

/** What a program prints to both outputs, and whether it succeeded. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Promise<{ readonly success: boolean; readonly text: string }> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    ...options,
    args: [...args],
  }).output();
  const decoder = new TextDecoder();
  return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
}
