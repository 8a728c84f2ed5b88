/**
 * WebSockets of fetch handlers: how a handler gets its messages, and peers that
 * do not answer the engine's pings.
 *
 * @module
 */

import { shutDoor, symbolOf } from "../../src/engine/door.ts";
import { fetchApp } from "../../src/loader/fetch_app.ts";
import { assertEquals } from "../../src/std/assert.ts";
import { OPCODE, RawWebSocket } from "../helpers/raw_websocket.ts";
import { withServer } from "../helpers/with_server.ts";

/** An app that makes a WebSocket of each request. */
function upgrading(
  use: (socket: WebSocket) => void,
  options: Deno.UpgradeWebSocketOptions = {},
) {
  return fetchApp({
    fetch(request) {
      const { socket, response } = Deno.upgradeWebSocket(request, options);
      use(socket);
      return response;
    },
  });
}

for (const door of ["open", "shut"] as const) {
  Deno.test(`a handler sets, replaces and removes onmessage (the engine's door is ${door})`, async () => {
    using _shut = door === "shut" ? shutDoor("WebSocket ping") : null;
    const app = upgrading((socket) => {
      assertEquals(socket.onmessage, null);
      function first(this: WebSocket, { data }: MessageEvent): void {
        this.send(`first ${data}`);
        socket.onmessage = second;
      }
      function second({ data }: MessageEvent): void {
        socket.send(`second ${data}`);
        socket.onmessage = null;
      }
      socket.onmessage = first;
      assertEquals(socket.onmessage, first);
      socket.addEventListener("message", ({ data }) => {
        socket.send(`listener ${data}`);
      });
    });
    await withServer(app, {}, async ({ connect }) => {
      const socket = await RawWebSocket.open(await connect());
      for (const text of ["1", "2", "3"]) await socket.text(text);
      const messages = ["first 1", "listener 1", "second 2", "listener 2"];
      for (const message of [...messages, "listener 3"]) {
        assertEquals(await socket.message(), message);
      }
      await socket.close(1000);
      await socket.closed();
    });
  });
}

Deno.test("what a handler's onmessage throws does not end its WebSocket", async () => {
  const thrown = Promise.withResolvers<string>();
  const note = (event: ErrorEvent): void => {
    event.preventDefault();
    thrown.resolve(event.message);
  };
  globalThis.addEventListener("error", note, { once: true });
  const app = upgrading((socket) => {
    socket.onmessage = ({ data }) => {
      if (data === "throw") throw new Error("on purpose");
      socket.send(data);
    };
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await socket.text("throw");
    await socket.text("still here");
    assertEquals(await socket.message(), "still here");
    assertEquals(await thrown.promise, "Uncaught Error: on purpose");
    await socket.close(1000);
    await socket.closed();
  });
});

Deno.test("a handler's idle timeout ends a peer that answers no ping", async () => {
  const app = upgrading(() => {}, { idleTimeout: 0.1 });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    assertEquals((await socket.frame())?.opcode, OPCODE.ping);
    assertEquals((await socket.closed())?.code, 1001);
  });
});

Deno.test("a message or a pong restarts a handler's idle timeout only after a ping", async () => {
  const app = upgrading((socket) => {
    const timer = symbolOf(socket, "[[idleTimeoutTimeout]]")!;
    const parts = socket as WebSocket & Record<symbol, unknown>;
    const seen = new Set<unknown>();
    socket.onmessage = ({ data }) => {
      seen.add(parts[timer]);
      // After a ping the engine has another timer there.
      if (data === "ping") parts[timer] = Object.create(parts[timer] as object);
      socket.send(`${seen.size}`);
    };
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    const answers: string[] = [];
    for (const text of ["", "", "ping", "", "", "ping"]) {
      await socket.text(text);
      answers.push(await socket.message());
    }
    await socket.send(OPCODE.pong);
    await socket.text("");
    answers.push(await socket.message());
    assertEquals(answers, ["1", "1", "1", "2", "2", "2", "3"]);
    await socket.close(1000);
    await socket.closed();
  });
});
