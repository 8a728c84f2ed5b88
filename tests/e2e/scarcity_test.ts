/** More clients than the process may have descriptors. */

import { assertEquals, assertMatch } from "../../src/std/assert.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { startProgram, until } from "../helpers/run_program.ts";

interface Address {
  readonly host: string;
  readonly port: number;
}

Deno.test({
  name:
    "with ulimit -n 128 and 300 idle clients it never stops answering, and serves again when some leave (PAGI.md 102)",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using program = await startProgram(["-p", "0", "--no-access-log"], {
      shell: 'ulimit -n 128; exec "$@"',
    });
    const address = { host: "127.0.0.1", port: program.port };
    assertMatch(program.log, /limits {2}78 connections/);

    const idle: RawConnection[] = [];
    try {
      for (let count = 1; count <= 300; count++) {
        idle.push(await open(address));
        if (count % 30 === 0) {
          // Served, or told that there is no room, which is once it is full.
          const status = await ask(address);
          if (count < 78 || status !== 503) assertEquals(status, 200);
        }
      }
      for (const connection of idle.splice(0, 280)) connection.close();
      await until(async () => await ask(address) === 200);
      assertEquals(await ask(address), 200);
    } finally {
      for (const connection of idle) connection.close();
    }
    assertEquals((await program.stop()).code, 0);
  },
});

/**
 * Connects; again when it fails, as it does for the few milliseconds between
 * the end of the engine's listener and the next.
 */
async function open(address: Address): Promise<RawConnection> {
  let connection: RawConnection | undefined;
  await until(async () => {
    connection = await RawConnection.open(address).catch(() => undefined);
    return connection !== undefined;
  });
  return connection!;
}

/** The status of an answer on a connection of its own. */
async function ask(address: Address): Promise<number> {
  let status = 0;
  await until(async () => {
    const connection = await open(address);
    try {
      await connection.request("GET /");
      status = (await connection.response()).status;
      return true;
    } catch {
      return false; // It was among those that had to go.
    } finally {
      connection.close();
    }
  });
  return status;
}
