import assert from "node:assert/strict";
import { subscribe } from "@pagi/server/channels";
import app from "./app.ts";

Deno.test("14-chat-channels shows all who open it what anyone says", async () => {
  await using server = Deno.serve({ port: 0, onListen() {} }, app.fetch);
  const { port } = server.addr as Deno.NetAddr;
  const page = await fetch(`http://127.0.0.1:${port}/`);
  assert.match(await page.text(), /new WebSocket/);
  const sockets = [0, 1].map(() => new WebSocket(`ws://127.0.0.1:${port}/`));
  await Promise.all(
    sockets.map((socket) => new Promise((open) => socket.onopen = open)),
  );
  const heard = subscribe("chat");
  const said = sockets.map((socket) =>
    new Promise<string>((say) => socket.onmessage = ({ data }) => say(data))
  );
  sockets[0].send("Hello!");
  assert.deepEqual((await heard.next()).value.message, { text: "Hello!" });
  heard.close();
  assert.deepEqual(await Promise.all(said), Array(2).fill('{"text":"Hello!"}'));
  for (const socket of sockets) {
    const closed = new Promise((close) => socket.onclose = close);
    socket.close();
    await closed;
  }
});
