/**
 * Detaches its standard streams and stays, for standard_streams_test.ts. Its
 * argument is a file to write to before and after.
 *
 * @module
 */

import { detachStandardStreams } from "../../src/system/process.ts";

const [path] = Deno.args;
const log = Deno.openSync(path, { append: true, create: true });
const write = (text: string) => log.writeSync(new TextEncoder().encode(text));

console.log("heard");
console.error("heard");
write("before\n");
detachStandardStreams();
console.log("lost"); // unless it goes to a file
console.error("lost");
// Deno hands copies of its own on to the programs that it starts.
new Deno.Command("sh", {
  args: ["-c", "echo lost; echo lost >&2"],
  stdin: "inherit",
  stdout: "inherit",
  stderr: "inherit",
}).spawn();
write("after\n");
setInterval(() => {}, 1000);
