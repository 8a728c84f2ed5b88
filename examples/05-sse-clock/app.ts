/** Tells the time every second, as server-sent events. */

import type { PagiApp } from "@pagi/server/types";

const pause = (ms: number): Promise<void> =>
  new Promise((done) => setTimeout(done, ms));

const app: PagiApp = async (scope, receive, send) => {
  if (scope.type !== "sse") throw new Error(`No support for ${scope.type}`);

  let connected = true;
  const watch = async (): Promise<void> => {
    while ((await receive()).type !== "sse.disconnect");
    connected = false;
  };
  watch();

  await send({ type: "sse.start" });
  // Keeps proxies from closing a stream that is silent for long.
  await send({ type: "sse.keepalive", interval: 15 });
  for (let id = 1; connected; id++) {
    await send({
      type: "sse.send",
      event: "tick",
      data: new Date().toISOString(),
      id: String(id),
    });
    await pause(1000);
  }
};

export default app;
