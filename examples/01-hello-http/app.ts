/** The smallest app: one answer to every request. */

import type { PagiApp } from "@pagi/server/types";

const app: PagiApp = async (scope, _receive, send) => {
  if (scope.type !== "http") throw new Error(`No support for ${scope.type}`);
  await send({
    type: "http.response.start",
    status: 200,
    headers: [["content-type", "text/plain; charset=utf-8"]],
  });
  await send({ type: "http.response.body", body: "Hello from PAGI\n" });
};

export default app;
