/** Channels across the workers of one server. */

import { assertEquals } from "../../src/std/assert.ts";
import { CHANNEL_APP, clientOfEach } from "../helpers/channel_app.ts";
import { startProgram } from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";

const ARGS = ["-p", "0", "--no-access-log", "./app.js"];
const OPTIONS = { files: { "app.js": CHANNEL_APP } };
const COUNT = 2000;
const ALL = Array.from({ length: COUNT }, (_, i) => i);

Deno.test("clients of four workers get all messages of two publishers, in order; a worker that blocks, dies and is replaced loses nobody else's", async () => {
  await using program = await startProgram(["-w", "4", ...ARGS], OPTIONS);
  const clients = await clientOfEach(program, 4);
  const [one, two] = clients;
  one.socket.send(`count a ${COUNT}`);
  two.socket.send(`count b ${COUNT}`);
  for (const client of clients) {
    for (const name of ["a", "b"]) {
      await until(() => client.counted(name).length === COUNT);
      assertEquals(client.counted(name), ALL);
    }
  }

  // Another request on the connection's worker cannot be had, but on some one.
  const blocked = fetch(`${program.url}/block?ms=1000`);
  one.socket.send(`count c ${COUNT}`);
  assertEquals((await blocked).status, 200);
  await (await blocked).body?.cancel();
  for (const client of clients) {
    await until(() => client.counted("c").length === COUNT);
    assertEquals(client.counted("c"), ALL);
  }

  const dead = clients.pop()!;
  dead.socket.send("exit");
  await program.logged(/ is gone: its app called Deno\.exit\(3\)/);
  one.socket.send(`count d ${COUNT}`);
  const late = (await clientOfEach(program, 4))
    .find(({ worker }) => clients.every((other) => other.worker !== worker))!;
  two.socket.send(`count e ${COUNT}`);
  for (
    const [name, all] of [["d", clients], ["e", [...clients, late]]] as const
  ) {
    for (const client of all) {
      await until(() => client.counted(name).length === COUNT);
      assertEquals(client.counted(name), ALL);
    }
  }
  assertEquals((await program.stop()).code, 0);
});
