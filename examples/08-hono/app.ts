/** A Hono app, with routes and an event stream. */

import { Hono } from "hono";
import { streamSSE } from "hono/streaming";

const app = new Hono();

app.get("/", (c) => c.text("Hello from Hono\n"));
app.get("/users/:name", (c) => c.json({ name: c.req.param("name") }));
app.get("/countdown", (c) =>
  streamSSE(c, async (stream) => {
    for (let count = 3; count > 0 && !stream.aborted; count--) {
      await stream.writeSSE({ data: String(count) });
      await stream.sleep(100);
    }
  }));

export default app;
