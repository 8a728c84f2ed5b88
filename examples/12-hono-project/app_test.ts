import { equal } from "node:assert/strict";
import app from "./app.ts";

Deno.test("a note that was sent can be read", async () => {
  const sent = await app.request("/notes", { method: "POST", body: "milk" });
  equal(sent.status, 201);
  const read = await app.request("/notes");
  equal(await read.text(), '["milk"]');
});
