import assert from "node:assert/strict";
import { TestClient } from "@pagi/server/testing";
import app from "./app.ts";

Deno.test("10-middleware adds header fields and a key of the scope", async () => {
  const { headers, text } = await new TestClient(app).request("/");
  const id = headers.get("x-request-id");
  assert.equal(text, `This is request ${id}\n`);
  assert.match(headers.get("server-timing") ?? "", /^app;dur=\d+\.\d$/);
});
