import assert from "node:assert/strict";
import { TestClient } from "@pagi/server/testing";
import app from "./app.ts";

Deno.test("05-sse-clock ticks until the client leaves", async () => {
  await using stream = await new TestClient(app).sse("/");
  const tick = await stream.next();
  assert.deepEqual([tick?.event, tick?.id], ["tick", "1"]);
  assert.ok(!Number.isNaN(Date.parse(tick!.data)));
});
