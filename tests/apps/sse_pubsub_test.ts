import { SsePubsubApp } from "../../src/apps/sse_pubsub.ts";
import { assertEquals, assertThrows } from "../../src/std/assert.ts";
import { TestClient } from "../../testing/mod.ts";

Deno.test("each message is an event: text, with fields, or as JSON", async () => {
  const app = new SsePubsubApp({ channel: "news", retry: 500 }).toApp();
  await using stream = await new TestClient(app).sse("/");
  const messages = [
    "a\nb",
    { data: "x", event: "update", id: "7", retry: 9 },
    { data: [1], event: "bad\nname", id: "\0" },
    { other: 1 },
    null,
  ];
  for (const message of messages) {
    SsePubsubApp.publish("news", message as string);
  }
  const events = [];
  for (const _ of messages) events.push(await stream.next());
  assertEquals(
    events.map((event) => [event!.event, event!.data, event!.id]),
    [
      ["message", "a\nb", null],
      ["update", "x", "7"],
      ["message", "[1]", null],
      ["message", '{"other":1}', null],
      ["message", "null", null],
    ],
  );
});

Deno.test("history has the events since the id that a client names", async () => {
  const app = new SsePubsubApp({ channel: "kept", history: 2 }).toApp();
  const client = new TestClient(app);
  await using first = await client.sse("/");
  for (const id of ["1", "2", "3"]) {
    SsePubsubApp.publish("kept", { data: `event ${id}`, id });
  }
  assertEquals((await first.next())?.data, "event 1");
  await using again = await client.sse("/", {
    headers: { "last-event-id": "2" },
  });
  assertEquals((await again.next())?.data, "event 3");
});

Deno.test("who asks for no event stream is told to, and a wrong channel is refused", async () => {
  const { status, text } = await new TestClient(new SsePubsubApp().toApp())
    .request("/");
  assertEquals(status, 406);
  assertEquals(text.includes("text/event-stream"), true);
  assertThrows(() => new SsePubsubApp({ channel: "a b" }), Error, "channel");
});
