/** Workers whose clients flood, or leave, or let nothing happen. */

import { assertEquals, assertLess } from "../../src/std/assert.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { startProgram } from "../helpers/run_program.ts";

const FLOOD = 300_000_000;

/** Waits for its client to be gone, and logs what it was told. */
const APP = `
export default async (scope, receive, send) => {
  if (scope.type !== "http") throw new Error("No support for " + scope.type);
  console.error("begun " + scope.path);
  const reason = await scope["pagi.connection"].disconnected;
  console.error(scope.path + " ended: " + reason);
};
`;

Deno.test({
  name: "each worker watches the clients of its requests",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const args = ["-p", "0", "-w", "2", "--request-timeout", "4", "./app.js"];
    const files = { "app.js": APP };
    await using program = await startProgram(args, { files });
    const address = { host: "127.0.0.1", port: program.port };

    const flooding = await RawConnection.open(address);
    await flooding.request("GET /flood");
    let sent = 0;
    const piece = new Uint8Array(65_536);
    try {
      while (sent < FLOOD) sent += await flooding.connection.write(piece);
    } catch {
      // The server has ended the connection.
    }
    flooding.close();
    assertLess(sent, FLOOD);
    await program.logged(/\/flood ended: queue_overflow/);

    const leaving = await RawConnection.open(address);
    await leaving.request("POST /leave", "content-length: 1000");
    await program.logged(/begun \/leave/);
    leaving.close();
    await program.logged(/\/leave ended: client_closed/);

    const waiting = await RawConnection.open(address);
    await waiting.request("GET /wait");
    assertEquals((await waiting.response()).status, 503);
    waiting.close();
    await program.logged(/\/wait ended: client_timeout/);
  },
});
