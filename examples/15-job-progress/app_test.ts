import assert from "node:assert/strict";
import { TestClient } from "@pagi/server/testing";
import app from "./app.ts";

Deno.test("15-job-progress shows each step to those who watch", async () => {
  const client = new TestClient(app);
  await using one = await client.sse("/jobs/7");
  await using two = await client.sse("/jobs/7");
  await using other = await client.sse("/jobs/8");
  const started = await client.request("/jobs/7", { method: "POST" });
  assert.equal(started.status, 202);
  for (const stream of [one, two]) {
    for (let done = 1; done <= 10; done++) {
      const event = await stream.next();
      assert.equal(event?.event, "progress");
      assert.deepEqual(JSON.parse(event.data), { done, of: 10 });
    }
    assert.equal(await stream.next(), null);
  }
  assert.deepEqual(other.events.map(({ type }) => type), ["sse.start"]);
  assert.equal((await client.request("/jobs/7")).status, 405);
});
