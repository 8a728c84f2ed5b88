/** Sends back what is uploaded, while it arrives. */

import type { PagiApp } from "@pagi/server/types";

const app: PagiApp = async (scope, receive, send) => {
  if (scope.type !== "http") throw new Error(`No support for ${scope.type}`);
  await send({
    type: "http.response.start",
    status: 200,
    headers: [["content-type", "application/octet-stream"]],
  });
  for (;;) {
    const event = await receive();
    if (event.type !== "http.request") return; // The client has gone.
    const { body, more } = event;
    await send({ type: "http.response.body", body, more });
    if (!more) return;
  }
};

export default app;
