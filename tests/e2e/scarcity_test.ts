/** More clients than the process may have descriptors. */

import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
} from "../../src/std/assert.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { startProgram } from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";

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

Deno.test({
  name:
    "with two workers 503 comes before descriptors run out, and who is served stays (PAGI.md 102)",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using program = await startProgram(
      ["-p", "0", "-w", "2", "--no-access-log"],
      { shell: 'ulimit -n 160; exec "$@"' },
    );
    const address = { host: "127.0.0.1", port: program.port };
    const limit = Number(/limits {2}(\d+) connections/.exec(program.log)?.[1]);
    assertLess(limit, 110); // 50 less than 160 is more than there is room for
    const { served, refused } = await fill(address, 130);
    assertEquals(served.length, limit);
    assertEquals(refused, 130 - limit);
    for (const connection of served) {
      await connection.request("GET /");
      assertEquals((await connection.response()).status, 200);
      connection.close();
    }
    assertEquals((await program.stop()).code, 0);
  },
});

Deno.test({
  name:
    "two workers serve as many connections together as each may have, in bursts too",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using program = await startProgram(
      ["-p", "0", "-w", "2", "--no-access-log", "--max-connections", "6"],
    );
    const address = { host: "127.0.0.1", port: program.port };
    const burst = await Promise.all(
      Array.from({ length: 40 }, () => fill(address, 1)),
    );
    const served = burst.flatMap(({ served }) => served);
    assert(served.length <= 12, `${served.length} of 12 were served`);
    served.push(...(await fill(address, 20)).served);
    assertEquals(served.length, 12);
    for (const connection of served) connection.close();
    assertEquals((await program.stop()).code, 0);
  },
});

Deno.test({
  name: "a --max-connections for which there are too few descriptors warns",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using program = await startProgram(
      ["-p", "0", "--no-access-log", "--max-connections", "200"],
      { shell: 'ulimit -n 128; exec "$@"' },
    );
    await program.logged(
      /warn {2}--max-connections allows 200 connections in all, but the limit of open files \(ulimit -n\) has room for \d\d: /,
    );
    assertEquals((await program.stop()).code, 0);
  },
});

/** Opens connections with a request on each, one after the other. */
async function fill(
  address: Address,
  count: number,
): Promise<{ served: RawConnection[]; refused: number }> {
  const served = [];
  let refused = 0;
  for (let i = 0; i < count; i++) {
    const connection = await open(address);
    await connection.request("GET /");
    const { status } = await connection.response();
    if (status === 200) served.push(connection);
    else {
      assertEquals(status, 503);
      refused++;
      connection.close();
    }
  }
  return { served, refused };
}

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
