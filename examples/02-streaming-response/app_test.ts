import assert from "node:assert/strict";
import { TestClient } from "@pagi/server/testing";
import app from "./app.ts";

Deno.test("02-streaming-response sends its lines one by one", async () => {
  const { text, events } = await new TestClient(app).request("/");
  assert.match(text, /^line 1\n.*line 10\ndone\n$/s);
  assert.equal(events.length, 12);
});

Deno.test("02-streaming-response stops when the client leaves", async () => {
  const stream = await new TestClient(app).stream("/");
  await stream.next();
  await stream.close();
  // The start, one or two lines, and the end that nobody reads.
  assert.ok(stream.events.length <= 4);
});
