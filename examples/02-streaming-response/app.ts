/** A body that is sent piece by piece, as long as somebody reads it. */

import type { PagiApp } from "@pagi/server/types";

const pause = (ms: number): Promise<void> =>
  new Promise((done) => setTimeout(done, ms));

const app: PagiApp = async (scope, _receive, send) => {
  if (scope.type !== "http") throw new Error(`No support for ${scope.type}`);
  const connection = scope["pagi.connection"];
  await send({
    type: "http.response.start",
    status: 200,
    headers: [["content-type", "text/plain; charset=utf-8"]],
  });
  for (let line = 1; line <= 10 && connection.isConnected(); line++) {
    // Waits while the client is slow, so that nothing piles up.
    await send({
      type: "http.response.body",
      body: `line ${line}\n`,
      more: true,
    });
    await pause(100);
  }
  await send({ type: "http.response.body", body: "done\n" });
};

export default app;
