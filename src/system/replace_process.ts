/** Another program in the place of this one. */

import { cString, openLibc } from "./libc.ts";

const SYMBOLS = {
  execv: { parameters: ["buffer", "buffer"], result: "i32" },
} as const;

/**
 * Continues as another program, with the same process id, environment and
 * standard streams: execv(3). Where the system cannot do that, the program
 * becomes a child process; this one waits for it and exits with its code.
 *
 * @param command The path of the program.
 */
export async function replaceProcess(
  command: string,
  args: readonly string[],
): Promise<never> {
  using libc = openLibc(SYMBOLS);
  if (libc !== null) {
    const texts = [command, ...args].map(cString);
    const pointers = texts.map((text) =>
      Deno.UnsafePointer.value(Deno.UnsafePointer.of(text))
    );
    // Returns only if it fails.
    libc.symbols.execv(texts[0], new BigUint64Array([...pointers, 0n]));
  }
  const child = new Deno.Command(command, {
    args: [...args],
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    try {
      // A terminal sends Ctrl-C to both processes.
      Deno.addSignalListener(signal, () => {
        if (signal !== "SIGINT") child.kill(signal);
      });
    } catch {
      // Windows does not have all of them.
    }
  }
  Deno.exit((await child.status).code);
}
