/** Connections on which nothing happens, and requests that take their time. */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
} from "../../src/std/assert.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { startProgram } from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";

const linux = Deno.build.os === "linux";
const CONNECTIONS = 1000;

/** How many descriptors a process may have here; 0 where nobody tells. */
function descriptorLimit(): number {
  if (!linux) return 0;
  const limits = Deno.readTextFileSync("/proc/self/limits");
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)![1];
  return hard === "unlimited" ? Infinity : Number(hard);
}

/** Answers at once, after a time without a word, or word by word. */
const APP = `
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
export default async (scope, receive, send) => {
  if (scope.type !== "http") throw new Error("No support for " + scope.type);
  const [, how, seconds] = scope.path.split("/");
  if (how === "silent") await pause(Number(seconds));
  await send({ type: "http.response.start", status: 200, headers: [["content-type", "text/plain"]] });
  if (how === "streaming") {
    await send({ type: "http.response.body", body: "begun, ", more: 1 });
    await pause(Number(seconds));
  }
  await send({ type: "http.response.body", body: "done" });
};
`;

async function answer(url: string): Promise<[status: number, body: string]> {
  const response = await fetch(url);
  return [response.status, await response.text()];
}

Deno.test({
  name: "half a request head is closed at --timeout, though bytes drip in",
  ignore: !linux,
  async fn() {
    await using program = await startProgram(["-p", "0", "--timeout", "1"]);
    const address = { host: "127.0.0.1", port: program.port };
    const connections = await Promise.all(
      [1, 2].map(() => RawConnection.open(address)),
    );
    const [held, dripping] = connections;
    let drip: ReturnType<typeof setInterval> | undefined;
    try {
      const began = performance.now();
      await held.send("GET / HTTP/1.1\r\nhost: loc");
      await dripping.send("GET / HTTP/1.1\r\nhost: loc");
      drip = setInterval(() => void dripping.send("x").catch(() => {}), 200);
      const ends = connections.map(async (connection) => {
        assertEquals(await connection.rest(), "");
        return performance.now() - began;
      });
      for (const end of await Promise.all(ends)) {
        assertGreater(end, 950);
        assertLess(end, 10_000);
      }
    } finally {
      clearInterval(drip);
      for (const connection of connections) connection.close();
    }
  },
});

Deno.test({
  name:
    `${CONNECTIONS} idle keep-alive connections are all there until --timeout, then none is`,
  ignore: descriptorLimit() < 2 * CONNECTIONS + 200,
  async fn() {
    await using program = await startProgram(
      ["-p", "0", "--timeout", "4", "--no-access-log", "./app.js"],
      { files: { "app.js": APP } },
    );
    const address = { host: "127.0.0.1", port: program.port };
    assertEquals(await answer(program.url), [200, "done"]);
    const before = program.descriptors();
    const connections: RawConnection[] = [];
    try {
      while (connections.length < CONNECTIONS) {
        connections.push(
          ...await Promise.all(Array.from({ length: 50 }, async () => {
            const connection = await RawConnection.open(address);
            await connection.request("GET /");
            assertEquals((await connection.response()).body, "done");
            return connection;
          })),
        );
      }
      assertGreater(program.descriptors(), before + CONNECTIONS - 10);
      await Promise.all(connections.map((connection) => connection.ended()));
      await until(() => program.descriptors() <= before);
    } finally {
      for (const connection of connections) connection.close();
    }
  },
});

Deno.test("without --timeout a slow request is not cut; with it, only one that has not started", async () => {
  const files = { "app.js": APP };
  await using patient = await startProgram(["-p0", "./app.js"], { files });
  await using bounded = await startProgram(
    ["-p0", "./app.js"],
    { files, env: { PAGI_TIMEOUT: "1" } },
  );
  const [silent, started, late] = await Promise.all([
    answer(`${patient.url}/silent/1.5`),
    answer(`${bounded.url}/streaming/1.5`),
    answer(`${bounded.url}/silent/1.5`),
  ]);
  assertEquals(silent, [200, "done"]);
  assertEquals(started, [200, "begun, done"]);
  assertEquals(late, [503, "The application took too long.\n"]);
  const [line] = await bounded.logged(/.*silent\/1\.5.*--timeout.*/);
  assertMatch(line, / warn {2}GET \/silent\/1\.5: no response within 1 s/);
  assert(!patient.log.includes("warn"));
});
