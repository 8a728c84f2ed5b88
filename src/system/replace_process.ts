/**
 * Another program in the place of this one.
 *
 * @module
 */

import { openLibc } from "./libc.ts";

/**
 * Goes on as another program, with this process's number, environment and
 * standard streams: execv(3). Where the system cannot do that, the other
 * program is a child, which this process waits for and ends with.
 *
 * @param command The path of the program.
 */
export async function replaceProcess(
  command: string,
  args: readonly string[],
): Promise<never> {
  execute(command, args);
  const child = new Deno.Command(command, {
    args: [...args],
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    try {
      // A terminal sends Ctrl-C to both.
      Deno.addSignalListener(signal, () => {
        if (signal !== "SIGINT") child.kill(signal);
      });
    } catch {
      // Windows has not all of them.
    }
  }
  Deno.exit((await child.status).code);
}

/** Returns only when it fails. */
function execute(command: string, args: readonly string[]): void {
  const libc = openLibc({
    execv: { parameters: ["buffer", "buffer"], result: "i32" },
  });
  const texts = [command, ...args].map((text) =>
    new TextEncoder().encode(`${text}\0`)
  );
  const pointers = texts.map((text) =>
    Deno.UnsafePointer.value(Deno.UnsafePointer.of(text))
  );
  libc?.symbols.execv(texts[0], new BigUint64Array([...pointers, 0n]));
  libc?.close();
}
