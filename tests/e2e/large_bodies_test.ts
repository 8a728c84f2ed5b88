/** Bodies larger than the memory that may go into them. */

import { assertEquals, assertLess } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { type Program, startProgram } from "../helpers/run_program.ts";
import { delay } from "../helpers/wait.ts";

const MB = 1_000_000;
/** More than memory may grow by, several times. */
const SIZE = 500 * MB;
/** How much of a body goes slowly; the other side would send all of it then. */
const SLOW = 50 * MB;
/** What the memory may grow by, for whatever V8 takes its time to collect. */
const FLAT = 200 * MB;

const APP = `
const pause = () => new Promise((done) => setTimeout(done, 20));

export default async (scope, receive, send) => {
  if (scope.type !== "http") throw new Error("No support for " + scope.type);
  const headers = scope.method === "POST" ? [] : [["content-length", "${SIZE}"]];
  await send({ type: "http.response.start", status: 200, headers });
  if (scope.method !== "POST") {
    for (let sent = 0; sent < ${SIZE}; sent += 100_000) {
      const body = new Uint8Array(100_000).fill(120);
      await send({ type: "http.response.body", body, more: 1 });
    }
    return await send({ type: "http.response.body" });
  }
  let bytes = 0;
  for (let more = 1, parts = 0; more;) {
    const event = await receive();
    if (event.type === "http.disconnect") return;
    bytes += event.body.length;
    more = event.more;
    if (bytes < ${SLOW} && ++parts % 16 === 0) await pause();
  }
  await send({ type: "http.response.body", body: String(bytes) });
};
`;

/** By how many bytes the program's memory grows during `work`, at most. */
async function growth(
  program: Program,
  work: () => Promise<void>,
): Promise<number> {
  const before = program.memory();
  let most = before;
  const look = (): void => void (most = Math.max(most, program.memory()));
  const timer = setInterval(look, 20);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  look();
  return most - before;
}

/** Downloads, the first part with pauses, and counts the bytes of the body. */
async function download(program: Program, path: string): Promise<number> {
  const connection = await RawConnection.open({
    host: "127.0.0.1",
    port: program.port,
  });
  try {
    await connection.request(`GET ${path}`, "connection: close");
    await connection.until("\r\n\r\n");
    let bytes = connection.received.length;
    const buffer = new Uint8Array(MB);
    while (true) {
      const count = await connection.connection.read(buffer);
      if (count === null) return bytes;
      bytes += count;
      if (bytes < SLOW) await delay(5);
    }
  } finally {
    connection.close();
  }
}

/** Uploads in chunks, as fast as they are taken; yields what the app counted. */
async function upload(program: Program, size: number): Promise<number> {
  const connection = await RawConnection.open({
    host: "127.0.0.1",
    port: program.port,
  });
  const hex = MB.toString(16);
  const chunk = new TextEncoder().encode(`${hex}\r\n${"x".repeat(MB)}\r\n`);
  try {
    await connection.request("POST /", "transfer-encoding: chunked");
    for (let sent = 0; sent < size; sent += MB) await connection.send(chunk);
    await connection.send("0\r\n\r\n");
    return Number((await connection.response()).body);
  } finally {
    connection.close();
  }
}

const onlyLinux = { ignore: Deno.build.os !== "linux" };

Deno.test(
  "500 MB for a client that reads slowly at first: memory stays flat",
  onlyLinux,
  async () => {
    await using program = await startProgram(["-p", "0", "./app.js"], {
      files: { "app.js": APP },
    });
    const grown = await growth(program, async () => {
      assertEquals(await download(program, "/"), SIZE);
    });
    assertLess(grown, FLAT);
  },
);

Deno.test(
  "a file of 300 MB for a client that reads slowly at first: memory stays flat",
  onlyLinux,
  async () => {
    await using program = await startProgram(["-p", "0"], {
      files: { "large": "" },
    });
    await Deno.truncate(join(program.folder, "large"), 300 * MB);
    const grown = await growth(program, async () => {
      assertEquals(await download(program, "/large"), 300 * MB);
    });
    assertLess(grown, FLAT);
  },
);

Deno.test(
  "500 MB in chunks to an app that reads slowly at first: memory stays flat",
  onlyLinux,
  async () => {
    const args = ["-p", "0", "--max-body-size", "0", "./app.js"];
    await using program = await startProgram(args, {
      files: { "app.js": APP },
    });
    const grown = await growth(program, async () => {
      assertEquals(await upload(program, SIZE), SIZE);
    });
    assertLess(grown, FLAT);
  },
);
