/**
 * Logs on the real stderr, for `log_test.ts`: the argument says what.
 *
 * @module
 */

import { configureLog, log } from "../../src/log/log.ts";

const acts: Record<string, () => void | Promise<void>> = {
  /** Ends at once after its last message. */
  exit(): void {
    log.debug("not shown");
    log.info("first");
    log.warn("second");
    log.error("last", new Error("why"));
    Deno.exit(3);
  },
  /** Ends before the time in which equal messages are counted is over. */
  repeats(): void {
    for (let i = 0; i < 10; i++) log.error(`GET /${i}: no.`, undefined, "no");
    Deno.exit(3);
  },
  /** Logs when nobody reads stderr any more. */
  async orphan(): Promise<void> {
    await Deno.stdin.read(new Uint8Array(1));
    for (let i = 0; i < 100; i++) log.error("x".repeat(1000));
    console.log("alive");
  },
  /** Logs more than a pipe holds, on a pipe that does not wait. */
  flood(): void {
    const F_SETFL = 4, O_NONBLOCK = 0o4000;
    const libc = Deno.dlopen("libc.so.6", {
      fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
    });
    libc.symbols.fcntl(2, F_SETFL, O_NONBLOCK);
    for (let i = 0; i < 300; i++) log.info(`${i} ${"x".repeat(1000)}`);
  },
};

configureLog({ level: "info" });
await acts[Deno.args[0]]();
