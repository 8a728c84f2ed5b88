import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
} from "../../src/std/assert.ts";
import { delay } from "../helpers/wait.ts";
import { RawConnection } from "../helpers/raw_connection.ts";

Deno.test("with 128 descriptors and 300 idle clients a server keeps answering", async () => {
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      'ulimit -n 128; exec "$0" run -A --no-lock "$1"',
      Deno.execPath(),
      import.meta.resolve("./scarce_server.ts"),
    ],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const port = parseInt((await reader.read()).value!);
  let alive = true;
  const ended = child.status.then(() => alive = false);
  const connect = async (): Promise<RawConnection> => {
    while (alive) {
      try {
        return await RawConnection.open(port);
      } catch {
        await delay(20); // the moment between two servers on the port
      }
    }
    throw new Error("the server has died");
  };
  const ask = async (client: RawConnection) => {
    await client.trySend("GET / HTTP/1.1\r\nhost: test\r\n\r\n");
    // Nothing where the connection was closed at once.
    return await client.response().then(({ status }) => status, () => null);
  };
  const clients = [await connect()];
  assertEquals(await ask(clients[0]), 200);
  while (clients.length < 300) clients.push(await connect());
  assertMatch((await reader.read()).value!, /^closed [1-9]/);
  // The house is full: who was there first is served, others hear why not.
  assertEquals(await ask(clients[0]), 200);
  let answers = 0;
  for (let i = 0; i < 10; i++) {
    using client = await connect();
    const answer = await ask(client);
    assert(answer === 503 || answer === null, `${answer}`);
    if (answer === 503) answers++;
  }
  assertGreater(answers, 0);
  for (const client of clients.splice(1)) client.close();
  let answer;
  do {
    using client = await connect();
    answer = await ask(client);
  } while (answer !== 200);
  child.kill("SIGKILL");
  await ended;
  await reader.cancel();
  clients[0].close();
});
