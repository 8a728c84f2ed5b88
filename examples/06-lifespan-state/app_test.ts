import assert from "node:assert/strict";
import { TestClient } from "@pagi/server/testing";
import app from "./app.ts";

Deno.test("06-lifespan-state shares what it opened at start", async () => {
  await using client = await new TestClient(app).start();
  for (const visit of [1, 2]) {
    const { text } = await client.request("/");
    assert.equal(text, `Visit number ${visit}\n`);
  }
});
