/** Channels in the scopes of apps, with the test client's memory form. */

import { publish } from "../../src/channels/mod.ts";
import type {
  PagiApp,
  PagiChannels,
  ReceiveEvent,
} from "../../src/pagi/types.ts";
import { assertEquals, assertNotEquals } from "../../src/std/assert.ts";
import { until } from "../helpers/wait.ts";
import { TestClient } from "../../testing/mod.ts";

/** Shows each event of a channel, and answers a message of the client. */
const app: PagiApp = async (scope, receive, send) => {
  if (scope.type === "lifespan") throw new Error("No support for lifespan");
  const channels = scope["pagi.channels"]!;
  const show = (event: ReceiveEvent): string =>
    event.type === "channel.message"
      ? `${event.channel}: ${JSON.stringify(event.message)}`
      : event.type === "channel.gap"
      ? `${event.channel} missed ${event.missed}`
      : event.type;
  switch (scope.type) {
    case "http":
      await channels.publish("room", `by ${scope.method}`);
      await send({ type: "http.response.start", status: 204 });
      return await send({ type: "http.response.body" });
    case "sse": {
      await send({ type: "sse.start" });
      await channels.subscribe("room");
      await send({ type: "sse.send", data: "subscribed" });
      await receive(); // sse.request
      for (;;) {
        const event = await receive();
        if (event.type === "sse.disconnect") return;
        await send({ type: "sse.send", data: show(event) });
      }
    }
    case "websocket":
      await receive();
      await channels.subscribe("room");
      await channels.subscribe("room");
      await send({ type: "websocket.accept" });
      for (;;) {
        const event = await receive();
        if (event.type === "websocket.disconnect") return;
        const own = scope["pagi.channel"]!;
        if (event.type !== "websocket.receive") {
          await send({ type: "websocket.send", text: show(event) });
        } else if (event.text === "leave") await channels.unsubscribe("room");
        else if (event.text?.startsWith("to ")) {
          await channels.send(event.text.slice(3), { from: own === "" });
        } else if (event.text === "name") {
          await send({ type: "websocket.send", text: own });
        } else await channels.publish("room", event.text, { exclude: own });
      }
  }
};

Deno.test("a WebSocket receives messages of channels while its client is silent", async () => {
  const client = new TestClient(app);
  await using one = await client.websocket("/");
  await using two = await client.websocket("/");
  one.send("hello");
  assertEquals(await two.receive(), 'room: "hello"');
  await client.request("/", { method: "POST" });
  // Its own message was not for itself.
  assertEquals(await one.receive(), 'room: "by POST"');
  assertEquals(await two.receive(), 'room: "by POST"');
  one.send("leave");
  two.send("only me?");
  one.send("name");
  const name = await one.receive();
  two.send("name");
  assertNotEquals(await two.receive(), name);
  two.send(`to ${name}`);
  assertEquals(await one.receive(), `${name}: {"from":false}`);
});

Deno.test("an event stream receives messages between its request and its end", async () => {
  const client = new TestClient(app);
  await using stream = await client.sse("/");
  assertEquals((await stream.next())?.data, "subscribed");
  for (let i = 0; i < 3; i++) publish("room", i);
  for (let i = 0; i < 3; i++) {
    assertEquals((await stream.next())?.data, `room: ${i}`);
  }
  publish("room", "more");
  assertEquals((await stream.next())?.data, 'room: "more"');
});

Deno.test("a receive() that waits already gets what a later subscription brings", async () => {
  const early: PagiApp = async (scope, receive, send) => {
    if (scope.type !== "websocket" && scope.type !== "sse") throw new Error();
    const socket = scope.type === "websocket";
    await receive();
    await send({ type: socket ? "websocket.accept" : "sse.start" });
    const next = receive();
    await scope["pagi.channels"]!.subscribe("room");
    publish("room", "late");
    const event = await next;
    const text = event.type;
    if (socket) await send({ type: "websocket.send", text });
    else await send({ type: "sse.send", data: text });
  };
  const client = new TestClient(early);
  await using socket = await client.websocket("/");
  assertEquals(await socket.receive(), "channel.message");
  await using stream = await client.sse("/");
  assertEquals((await stream.next())?.data, "channel.message");
});

Deno.test("clients and channels take turns at a WebSocket that is busy with both", async () => {
  const seen: string[] = [];
  const busy: PagiApp = async (scope, receive, send) => {
    if (scope.type !== "websocket") throw new Error();
    await receive();
    await send({ type: "websocket.accept" });
    await scope["pagi.channels"]!.subscribe("room");
    await receive();
    for (let i = 0; i < 3; i++) publish("room", i);
    while (seen.length < 6) seen.push((await receive()).type);
  };
  await using socket = await new TestClient(busy).websocket("/");
  for (let i = 0; i < 4; i++) socket.send("x");
  await socket.closed();
  const [a, b] = ["channel.message", "websocket.receive"];
  assertEquals(seen, [a, b, a, b, a, b]);
});

Deno.test("the lifespan scope has channels as well, and the end of a scope leaves them", async () => {
  const heard: unknown[] = [];
  let channels: PagiChannels | undefined;
  const timers: PagiApp = async (scope, receive, send) => {
    if (scope.type !== "lifespan") throw new Error();
    channels = scope["pagi.channels"];
    await channels!.subscribe("jobs");
    for (;;) {
      const event = await receive();
      if (event.type === "channel.message") heard.push(event.message);
      else if (event.type === "lifespan.startup") {
        await send({ type: "lifespan.startup.complete" });
      } else if (event.type === "lifespan.shutdown") {
        return await send({ type: "lifespan.shutdown.complete" });
      }
    }
  };
  const client = await new TestClient(timers).start();
  publish("jobs", 1);
  publish("jobs", 2);
  await until(() => heard.length === 2);
  await client.stop();
  publish("jobs", 3);
  assertEquals(heard, [1, 2]);
  await channels!.subscribe("jobs"); // without effect, as it is over
});
