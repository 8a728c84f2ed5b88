import assert from "node:assert/strict";
import { TestClient } from "@pagi/server/testing";
import app from "./app.ts";

Deno.test("04-websocket-echo sends text and bytes back", async () => {
  await using socket = await new TestClient(app).websocket("/");
  for (const message of ["", "text", new Uint8Array([0, 255])]) {
    socket.send(message);
    assert.deepEqual(await socket.receive(), message);
  }
});
