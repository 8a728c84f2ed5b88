/**
 * What to say of Perl's choice of event loops (PAGI.md 6, `--loop`).
 *
 * @module
 */

import { quote } from "./quote.ts";

/** Something to be logged when the server starts. */
export interface Notice {
  readonly level: "info" | "warn";
  readonly text: string;
}

/**
 * The notices for a `--loop` that was given, and for the variables by which
 * IO::Async and libev are told of a loop. The option overrides IO_ASYNC_LOOP.
 */
export function loopNotices(
  loop: string | null,
  env: Readonly<Record<string, string>>,
): Notice[] {
  const notices: Notice[] = [];
  if (loop !== null) {
    const text = `event loop ${loop} was asked for; Deno has one, its own`;
    notices.push({ level: "info", text });
  }
  for (const name of ["IO_ASYNC_LOOP", "LIBEV_FLAGS"]) {
    const value = env[name] ?? "";
    if (value === "" || (name === "IO_ASYNC_LOOP" && loop !== null)) continue;
    const text = `${name}=${quote(value)} has no effect: ` +
      "Deno has one event loop, its own";
    notices.push({ level: "warn", text });
  }
  return notices;
}
