import assert from "node:assert/strict";
import { TestClient } from "@pagi/server/testing";
import app from "./app.ts";

Deno.test("03-request-body sends each part back by itself", async () => {
  const body = ["one", "two", "three"];
  const stream = await new TestClient(app).stream("/", { body });
  const pieces: string[] = [];
  for await (const piece of stream) {
    pieces.push(new TextDecoder().decode(piece));
  }
  assert.deepEqual(pieces, body);
});

Deno.test("03-request-body returns when the client leaves in mid-upload", async () => {
  async function* upload(): AsyncGenerator<string> {
    yield "one";
    await new Promise(() => {});
  }
  const client = new TestClient(app);
  const stream = await client.stream("/", { body: upload() });
  await stream.next();
  await stream.close();
});
