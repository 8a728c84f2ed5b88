/**
 * The engine's limit of a start: the least that a server with our promises does
 * before its first answer, by the packages that ours has for it, and without a
 * line of ours: `start_limit.ts --port PORT APP`.
 *
 * - The command line is read by `@std/cli`, and the app's path by `@std/path`.
 * - The C library is opened, for one function: the guard of connections needs it.
 * - The fetch handler is imported once the program runs.
 * - One timer is set, as timeouts need.
 * - One line is formatted by LogTape, and written.
 *
 * It checks nothing, has no options, and knows no other kinds of apps.
 *
 * @module
 */

import { getTextFormatter } from "@logtape/logtape";
import { parseArgs } from "@std/cli/parse-args";
import { resolve, toFileUrl } from "@std/path/posix";

const { port, _: [path] } = parseArgs(Deno.args, { string: ["port", "_"] });
const libc = Deno.dlopen("libc.so.6", {
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
});
libc.symbols.getsockname(0, new Uint8Array(28), new Uint8Array(4));
const app = await import(toFileUrl(resolve(Deno.cwd(), `${path}`)).href);
setTimeout(() => {}, 60_000);

function tell(line: string): void {
  const text = getTextFormatter({ timestamp: "rfc3339" })({
    category: ["limit"],
    level: "info",
    message: [line],
    rawMessage: line,
    timestamp: Date.now(),
    properties: {},
  });
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}

Deno.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  tcpBacklog: 2048,
  onListen: () => tell("Ready"),
}, app.default.fetch);
