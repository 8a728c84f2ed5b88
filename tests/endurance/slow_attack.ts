/**
 * Slow clients in a process of their own, so that their work does not delay the
 * clock of the client whose times are measured:
 *
 *     deno run --allow-net slow_attack.ts heads|bodies|readers PORT COUNT PACE_MS
 *
 * Ends with its standard input, and prints how many connections were opened and
 * how many of them were cut off.
 *
 * @module
 */

import { delay } from "../helpers/wait.ts";

const [kind, port, count, pace] = Deno.args;
const starts: Record<string, string> = {
  heads: "GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ",
  bodies:
    "POST /body HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n",
  // An answer that no buffer holds, of which 1,000 bytes at a time are taken.
  readers: "GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n",
};
const start = new TextEncoder().encode(starts[kind]);
const byte = new TextEncoder().encode("x");
const bytes = new Uint8Array(1000);
const every = Number(pace);
let opened = 0;
let cut = 0;

async function attack(): Promise<void> {
  using connection = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(port),
  });
  opened++;
  await connection.write(start);
  for (;;) {
    await delay(every);
    if (kind !== "readers") await connection.write(byte);
    else if (await connection.read(bytes) === null) return;
  }
}

for (let i = 0; i < Number(count); i++) {
  // Their bytes come one after another, as those of real ones.
  setTimeout(async () => {
    for (;;) {
      await attack().catch(() => {});
      cut++;
      // A busy machine is not to be asked again at once.
      await delay(100);
    }
  }, i * every / Number(count));
}
console.log("started");
for await (const _ of Deno.stdin.readable);
console.log(JSON.stringify({ opened, cut }));
Deno.exit();
