import assert from "node:assert/strict";
import { TestClient } from "@pagi/server/testing";
import app from "./app.ts";

Deno.test("01-hello-http says hello", async () => {
  const { status, text } = await new TestClient(app).request("/");
  assert.deepEqual([status, text], [200, "Hello from PAGI\n"]);
});
