import { assertEquals } from "../../src/std/assert.ts";
import { listenTo } from "../../src/engine/websocket_events.ts";

/** A socket, and what was heard of it. */
function heard(): { socket: EventTarget; events: string[] } {
  const socket = new EventTarget();
  const events: string[] = [];
  listenTo(
    socket as WebSocket,
    { handleEvent: ({ data }) => events.push(`message ${data}`) },
    {
      open: () => events.push("open"),
      error: ({ message }) => events.push(`error ${message}`),
      close: ({ code }) => events.push(`close ${code}`),
    },
  );
  return { socket, events };
}

const EVENTS = [
  new Event("open"),
  new MessageEvent("message", { data: "one" }),
  new Event("unknown"),
  new ErrorEvent("error", { message: "bad" }),
  new CloseEvent("close", { code: 1000 }),
];
const HEARD = ["open", "message one", "error bad", "close 1000"];

Deno.test("each event of a socket is heard once, in order", () => {
  const { socket, events } = heard();
  for (const event of EVENTS) assertEquals(socket.dispatchEvent(event), true);
  assertEquals(events, HEARD);
});

Deno.test("events are heard where the engine goes past the socket's method as well", () => {
  const { socket, events } = heard();
  const { dispatchEvent } = EventTarget.prototype;
  for (const event of EVENTS) dispatchEvent.call(socket, event);
  assertEquals(events, HEARD);
});
