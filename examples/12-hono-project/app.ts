/** A board of notes: to read, to write, and to follow by WebSocket. */

import { Hono } from "hono";
import { upgradeWebSocket } from "hono/deno";
import { Board } from "./board.ts";

const board = new Board();
const app = new Hono();

app.get("/notes", (c) => c.json(board.notes));

app.post("/notes", async (c) => {
  const count = board.add(await c.req.text());
  return c.json({ count }, 201);
});

app.get(
  "/live",
  upgradeWebSocket(() => {
    let stop = () => {};
    return {
      onOpen(_event, socket) {
        stop = board.listen((note) => socket.send(note));
        socket.send(`${board.notes.length} notes so far`);
      },
      onClose: () => stop(),
    };
  }),
);

export default app;
