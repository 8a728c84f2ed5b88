/** Sends every WebSocket message back. */

import type { PagiApp } from "@pagi/server/types";

const app: PagiApp = async (scope, receive, send) => {
  if (scope.type !== "websocket") {
    throw new Error(`No support for ${scope.type}`);
  }
  await receive(); // websocket.connect
  await send({ type: "websocket.accept" });
  for (;;) {
    const event = await receive();
    if (event.type !== "websocket.receive") return; // websocket.disconnect
    // `text` of a text message, `bytes` of a binary one.
    await send({ ...event, type: "websocket.send" });
  }
};

export default app;
